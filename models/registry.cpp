// The list of models. A new one: its file, and its line here.
#include "models/registry.h"

#include "ir/error.h"
#include "ir/suggest.h"
#include "models/autoencoder.h"
#include "models/classifier.h"
#include "models/conv_autoencoder.h"
#include "models/conv_vae.h"
#include "models/denoising_autoencoder.h"
#include "models/rotnet.h"
#include "models/simclr.h"
#include "models/stacked_autoencoder.h"
#include "models/vae.h"

namespace weft::models {

const std::vector<Model>& all() {
  static const std::vector<Model> models = {
      vae(),    conv_vae(), autoencoder(), stacked_autoencoder(), denoising_autoencoder(), conv_autoencoder(),
      rotnet(), simclr(),   classifier()};
  return models;
}

const Model& find(const std::string& name) {
  std::vector<std::string> names;
  for (const Model& model : all()) {
    if (model.name == name) return model;
    names.push_back(model.name);
  }
  fail("unknown model '{}'{}", name, did_you_mean(name, names));
}

}  // namespace weft::models
