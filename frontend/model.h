// What a model is to the command line: a name, options with defaults, and a function that builds its module.
//
// The module's entries have conventional names; tools use those that a model has:
//
//   entry        inputs                  outputs
//   loss         x [, labels] [, hypers] loss, and any metrics (recon, kl, accuracy); Mode::train
//   test         the same                the same; Mode::eval
//   encode       x                       latent f32[B,L] [, logvar f32[B,L], where a code is N(latent, e^logvar)]
//   decode       z f32[B,L]              x, pixels in [0,1]
//   reconstruct  x                       xhat, pixels in [0,1] [, noisy or turned: what the encoder saw of x]
//   classify     x                       logits f32[B,classes]
//   features     x                       one output f32[B,..] a block of the encoder, the first block first; for probes
//   project      x                       z f32[B,D] of length 1: where a contrastive loss compares pictures
//   augment      x                       view, of x's type: one random view of each picture, as training sees it
//   score        x                       score f32[B]: how strange the model finds each row; larger is stranger
//   log_weight   x                       log_weight f32[B]: log p(x|z) p(z) / q(z|x) in nats of one fresh z a row
//   observe      x                       x, drawn: what the model explains of a picture, where that is left to chance;
//                                        log_weight takes it as its x
//   pretrain1..  x [, hypers]            loss, and any metrics: trained in turn before `loss`, each alone; Mode::train
//
// x is f32[B,pixels] or f32[B,channels,height,width], pixels in [0,1], as the model declares it; labels is i32[B]. A
// metric is a scalar f32[], the mean over the batch of something an image: nats, squared error.
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

// A setting that the model does not take: unknown, or with a value that makes no sense.
class OptionError : public Error {
 public:
  using Error::Error;
};

struct Model;

// What the user chose for a model: each option's text, and the sizes of the data. The getters turn text into what the
// model asks for; an Error names the flag and what it takes.
class Settings {
 public:
  // The defaults of the model; the data's sizes are those of MNIST until set.
  explicit Settings(const Model& model);

  // An unknown name is an Error with the nearest right one.
  void set(const std::string& name, const std::string& value);

  const std::string& text(const std::string& name) const;
  // `choices` in place of free text.
  const std::string& choice(const std::string& name, const std::vector<std::string>& choices) const;
  std::int64_t integer(const std::string& name, std::int64_t least = 0) const;
  std::vector<std::int64_t> integers(const std::string& name, std::int64_t least = 0) const;  // "400,200"; "" is none
  double number(const std::string& name) const;
  bool flag(const std::string& name) const;  // true, false

  // Sizes of the data, set by what feeds the model: "height", "width", "channels", "classes".
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

// Builds, and checks the entries against the conventions above.
ir::Module build_module(const Model& model, const Settings& settings);

}  // namespace weft
