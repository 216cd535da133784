// encode and features.
#include "models/parts/features.h"

#include "frontend/entry.h"
#include "ir/error.h"
#include "models/parts/entries.h"

namespace weft::models {

void add_features(ir::Module& module, const Encoder& encoder) {
  const Dims image = encoder.image().dims();
  add_entry(module, "encode", image, "latent", [&](const Tensor& x) { return encoder(x).representation; });
  Entry entry(module, "features", Mode::eval);
  const Encoded encoded = encoder(entry.input("x", image));
  for (std::size_t i = 0; i < encoded.blocks.size(); ++i)
    entry.output(fmt::format("block{}", i + 1), encoded.blocks[i]);
}

}  // namespace weft::models
