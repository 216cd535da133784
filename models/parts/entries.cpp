// One entry; and encode, decode, reconstruct and score.
#include "models/parts/entries.h"

#include "frontend/entry.h"
#include "frontend/ops.h"

namespace weft::models {

namespace {

// The reconstruction shown to users: pixels in [0,1], whatever the output layer is.
Tensor shown(const Tensor& pixels) { return clamp(pixels, 0, 1); }

}  // namespace

Tensor row_errors(const Tensor& prediction, const Tensor& target) {
  return sum(square(flatten(prediction) - flatten(target)), 1);
}

void add_entry(ir::Module& module, const std::string& name, const Dims& x, const std::string& output,
               const std::function<Tensor(const Tensor&)>& run, std::source_location location) {
  Entry entry(module, name, Mode::eval, location);
  entry.output(output, run(entry.input("x", x, DType::f32, location)));
}

void add_autoencoder_entries(ir::Module& module, const AutoencoderParts& parts) {
  add_entry(module, "encode", parts.image, "latent", parts.encode);
  {
    Entry entry(module, "decode", Mode::eval);
    entry.output("x", shown(parts.decode(entry.input("z", {B, parts.latent}))));
  }
  {
    Entry entry(module, "reconstruct", Mode::eval);
    const Tensor x = entry.input("x", parts.image);
    const Tensor seen = parts.corrupt ? parts.corrupt(x) : x;
    entry.output("xhat", shown(parts.decode(parts.encode(seen))));
    if (parts.corrupt) entry.output("noisy", shown(seen));
  }
  add_entry(module, "score", parts.image, "score",
            [&](const Tensor& x) { return row_errors(parts.decode(parts.encode(x)), x); });
}

}  // namespace weft::models
