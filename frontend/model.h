// What a model tells the command line: a name, options with defaults, and a function that builds its module.
//
// Entries have conventional names; tools use those that a model has:
//
//   entry        inputs                  outputs
//   loss         x [, labels] [, hypers] loss, and any metrics (recon, kl, accuracy); Mode::train
//   test         the same                the same; Mode::eval
//   encode       x                       latent f32[B,L] [, logvar f32[B,L], where a code is N(latent, e^logvar)]
//   decode       z f32[B,L]              x, pixels in [0,1]
//   reconstruct  x                       xhat, pixels in [0,1] [, noisy or turned: what the encoder saw of x]
//   classify     x                       logits f32[B,classes]
//   features     x                       one output f32[B,..] per block of the encoder, first to last; for probes
//   project      x                       z f32[B,D] of length 1: what a contrastive loss compares
//   augment      x                       view, of x's type: one random view of each image, as in training
//   score        x                       score f32[B]: anomaly score of each row; larger is more anomalous
//   log_weight   x                       log_weight f32[B]: log p(x|z) p(z) / q(z|x) in nats for one new z per row
//   observe      x                       x, sampled: the target of the model, if that is random;
//                                        log_weight takes it as its x
//   pretrain1..  x [, hypers]            loss, and any metrics: trained separately, in turn, before `loss`; Mode::train
//
// The model declares x as f32[B,pixels] or f32[B,channels,height,width], with pixels in [0,1]; labels is i32[B]. A
// metric is a scalar f32[], the mean over the batch of a quantity per image: nats, squared error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"

namespace weft {

// One flag of a model: --name text.
struct Option {
  std::string name;
  std::string fallback;
  std::string doc;
};

// A setting that the model does not take: the option is unknown or its value is invalid.
class OptionError : public Error {
 public:
  using Error::Error;
};

struct Model;

// The user's choices for a model: the text of each option, and the sizes of the data. Getters parse the text; their
// Errors name the flag and what it takes.
class Settings {
 public:
  // The model's defaults, with the data sizes of MNIST until they are set.
  explicit Settings(const Model& model);

  // Throws Error with the nearest name if the name is unknown.
  void set(const std::string& name, const std::string& value);

  const std::string& text(const std::string& name) const;
  // Accepts only `choices`.
  const std::string& choice(const std::string& name, const std::vector<std::string>& choices) const;
  std::int64_t integer(const std::string& name, std::int64_t least = 0) const;
  std::vector<std::int64_t> integers(const std::string& name,
                                     std::int64_t least = 0) const;  // "400,200"; "" is an empty list
  double number(const std::string& name) const;
  bool flag(const std::string& name) const;  // true, false

  // Sizes of the data, set by the caller: "height", "width", "channels", "classes".
  std::int64_t height() const { return integer("height", 1); }
  std::int64_t width() const { return integer("width", 1); }
  std::int64_t channels() const { return integer("channels", 1); }
  std::int64_t classes() const { return integer("classes", 1); }
  std::int64_t pixels() const { return channels() * height() * width(); }

  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

struct Model {
  std::string name;
  std::string summary;  // one line
  std::vector<Option> options;
  std::function<ir::Module(const Settings&)> build;
};

// Builds the module and checks its entries against the conventions above.
ir::Module build_module(const Model& model, const Settings& settings);

}  // namespace weft
