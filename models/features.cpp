// encode and features.
#include "models/features.h"

#include "frontend/entry.h"
#include "ir/error.h"

namespace weft::models {

void add_features(ir::Module& module, const Encoder& encoder) {
  {
    Entry entry(module, "encode", Mode::eval);
    entry.output("latent", encoder(entry.input("x", encoder.picture().dims())).representation);
  }
  {
    Entry entry(module, "features", Mode::eval);
    const Encoded encoded = encoder(entry.input("x", encoder.picture().dims()));
    for (std::size_t i = 0; i < encoded.blocks.size(); ++i)
      entry.output(fmt::format("block{}", i + 1), encoded.blocks[i]);
  }
}

}  // namespace weft::models
