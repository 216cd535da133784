// The stacked autoencoder (Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006;
// Bengio et al., "Greedy Layer-Wise Training of Deep Networks", 2007).
//
// A deep autoencoder is a stack of shallow ones: the first encodes the image, the second the code of the first, and so
// on. `weft train stacked_autoencoder --pretrain-epochs 10` trains the stack layer by layer, in the entries
// `pretrain1`, `pretrain2`, ...; each layer is an autoencoder of the codes of the finished layers below it. The entry
// `loss` then trains the whole stack on the image from there. Without --pretrain-epochs only `loss` trains, which
// modern activations and optimizers allow.
//
//   --tied true    a decoder layer uses the transposed weights of its encoder layer: half as many, as in the papers
//   --decoder      sizes of the decoder's hidden layers, if they do not mirror the encoder
//   --augment      trains on a random view of each image, so that it overfits less
//   --noise        corrupts the input of each layer in pre-training, and the image afterwards: a stacked denoising
//                  autoencoder (Vincent et al. 2010). The test takes clean images.
//
// `recon` is the squared error per image, whatever the loss.
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "models/parts/entries.h"
#include "models/parts/noise.h"
#include "models/parts/start.h"
#include "models/parts/views.h"
#include "models/registry.h"

namespace weft::models {

namespace {

using Sizes = std::vector<std::int64_t>;

// Sizes of the decoder's hidden layers: those of --decoder, or the encoder's in reverse.
Sizes decoder_sizes(const Settings& settings) {
  Sizes sizes = settings.integers("decoder", 1);
  if (!sizes.empty()) return sizes;
  sizes = settings.integers("hidden", 1);
  return {sizes.rbegin(), sizes.rend()};
}

Sizes chain(std::int64_t first, const Sizes& between, std::int64_t last) {
  Sizes sizes{first};
  sizes.insert(sizes.end(), between.begin(), between.end());
  sizes.push_back(last);
  return sizes;
}

struct Stack {
  Sizes down, up;  // sizes along the encoder and along the decoder: layer i goes from [i] to [i + 1]
  Activation hidden_activation;
  bool tied, cross_entropy, bounded;
  Dims image;
  Views views;
  Noise noise;
  Weights weights;

  explicit Stack(const Settings& settings)
      : down(chain(settings.pixels(), settings.integers("hidden", 1), settings.integer("latent", 1))),
        up(chain(down.back(), decoder_sizes(settings), down.front())),
        hidden_activation(activation(settings.text("activation"))),
        tied(settings.flag("tied")),
        cross_entropy(settings.choice("loss", {"mse", "bce"}) == "bce"),
        bounded(settings.text("activation") == "sigmoid"),
        image{B, settings.channels(), settings.height(), settings.width()},
        views(settings, Views::Strength::light),
        noise(settings),
        weights(weights_of(settings)) {
    if (tied && !is_symmetrical())
      throw OptionError(
          "--tied true needs a decoder that mirrors the encoder: leave out --decoder, or give it the sizes of --hidden "
          "in reverse");
  }

  bool is_symmetrical() const { return up == Sizes(down.rbegin(), down.rend()); }
  std::size_t encoder_layers() const { return down.size() - 1; }
  std::size_t decoder_layers() const { return up.size() - 1; }

  std::string encoder_name(std::size_t i) const {
    return i + 1 < encoder_layers() ? fmt::format("encoder.fc{}", i + 1) : "encoder.code";
  }
  std::string decoder_name(std::size_t i) const {
    return i + 1 < decoder_layers() ? fmt::format("decoder.fc{}", i + 1) : "decoder.picture";
  }

  // Input and target of training: the images, or a view of each.
  Tensor seen(const Tensor& x) const {
    return views.is_none() ? x : reshape(views(reshape(x, image)), {B, down.front()});
  }

  // The last layer gives the code and has no activation.
  Tensor encode_layer(std::size_t i, const Tensor& x) const {
    const Tensor y = Linear(encoder_name(i), down[i], down[i + 1], weights)(x);
    return i + 1 == encoder_layers() ? y : hidden_activation(y);
  }

  // The output of a decoder layer before its activation.
  Tensor decode_layer(std::size_t i, const Tensor& z) const {
    if (!tied) return Linear(decoder_name(i), up[i], up[i + 1], weights)(z);
    const Scope scope(decoder_name(i));
    const Fan fan{up[i + 1], up[i]};  // of the encoder
    const Tensor weight =
        parameter(encoder_name(decoder_layers() - 1 - i) + ".weight", {fan.in, fan.out}, weights.initialiser(fan));
    const Tensor bias = parameter(decoder_name(i) + ".bias", {up[i + 1]}, weights.bias_initialiser({up[i], up[i + 1]}));
    return (matmul(z, transpose(weight)) + bias).named(decoder_name(i));
  }
  // The last layer gives pixels.
  Tensor activate(std::size_t i, const Tensor& y) const {
    return i + 1 == decoder_layers() ? sigmoid(y) : hidden_activation(y);
  }

  // The codes of the first `layers` layers.
  Tensor encode(Tensor x, std::size_t layers) const {
    for (std::size_t i = 0; i < layers; ++i) x = encode_layer(i, x);
    return x;
  }
  Tensor encode(const Tensor& x) const { return encode(x, encoder_layers()); }

  // The logits of the pixels.
  Tensor decode_logits(Tensor z) const {
    for (std::size_t i = 0; i + 1 < decoder_layers(); ++i) z = activate(i, decode_layer(i, z));
    return decode_layer(decoder_layers() - 1, z);
  }

  // The loss of layer i of the decoder against `target`. Cross-entropy is for values in [0,1].
  Tensor layer_loss(std::size_t i, const Tensor& y, const Tensor& target) const {
    const bool in_unit_range = bounded || i + 1 == decoder_layers();
    return cross_entropy && in_unit_range ? bce_with_logits(y, target) : mse(activate(i, y), target);
  }
};

// Layer `i` only: it encodes the codes of the layers below, which stay fixed, and its mirror layer in the decoder
// reconstructs them.
void add_pretraining(ir::Module& module, const Stack& stack, std::size_t i) {
  Entry entry(module, fmt::format("pretrain{}", i + 1), Mode::train);
  const Tensor x = stack.seen(entry.input("x", {B, stack.down.front()}));
  const Tensor below = stop_gradient(stack.encode(x, i));
  const std::size_t mirror = stack.decoder_layers() - 1 - i;
  const Tensor y = stack.decode_layer(mirror, stack.encode_layer(i, stack.noise(below)));
  const Scope scope("loss");
  entry.output("loss", stack.layer_loss(mirror, y, below));
}

void add_loss(ir::Module& module, const std::string& name, Mode mode, const Stack& stack) {
  Entry entry(module, name, mode);
  const bool trains = mode == Mode::train;
  const Tensor given = entry.input("x", {B, stack.down.front()});
  const Tensor x = trains ? stack.seen(given) : given;
  const Tensor logits = stack.decode_logits(stack.encode(trains ? stack.noise(x) : x));

  const Scope scope("loss");
  entry.output("loss", stack.layer_loss(stack.decoder_layers() - 1, logits, x));
  entry.output("recon", mse(sigmoid(logits), x));
}

ir::Module build_stacked_autoencoder(const Settings& settings) {
  const Stack stack(settings);
  ir::Module module{"stacked_autoencoder", {}};
  if (stack.is_symmetrical())
    for (std::size_t i = 0; i < stack.encoder_layers(); ++i) add_pretraining(module, stack, i);
  add_loss(module, "loss", Mode::train, stack);
  add_loss(module, "test", Mode::eval, stack);
  add_autoencoder_entries(module, {.image = {B, stack.down.front()},
                                   .latent = stack.down.back(),
                                   .encode = [&](const Tensor& x) { return stack.encode(x); },
                                   .decode = [&](const Tensor& z) { return sigmoid(stack.decode_logits(z)); },
                                   .corrupt = {}});
  return module;
}

}  // namespace

Model stacked_autoencoder() {
  std::vector<Option> options = {
      {"hidden", "1000,500,250", "sizes of the encoder's hidden layers"},
      {"latent", "30", "size of the code"},
      {"decoder", "", "sizes of the decoder's hidden layers, from code to image; default: the encoder's in reverse"},
      {"tied", "false", "true: the decoder uses the encoder's weights, transposed"},
      {"activation", "relu", "activation of the hidden layers"},
      {"loss", "mse", "mse, or bce: cross-entropy of values in [0,1]"},
      init_option()};
  for (Option& option : Views::options("none")) options.push_back(std::move(option));
  for (Option& option : Noise::options("none", "0.25")) options.push_back(std::move(option));
  return {"stacked_autoencoder", "deep autoencoder with optional layer-wise pre-training", options,
          build_stacked_autoencoder};
}

}  // namespace weft::models
