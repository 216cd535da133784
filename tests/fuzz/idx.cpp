// IDX files, plain or gzipped: one alone, and as images beside labels.
#include "training/data/idx.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  std::string_view rest = fuzz::text_of(data, size);
  const fuzz::MemoryFile images(fuzz::take_part(rest));
  const fuzz::MemoryFile labels(rest);
  fuzz::accepts([&] { training::read_idx(images.path()); });
  training::LabelledImages pair;
  if (!fuzz::accepts([&] { pair = training::read_idx_pair(images.path(), labels.path()); })) return 0;
  fuzz::need(pair.images.shape.at(0) == pair.labels.shape.at(0), "images without labels");
  fuzz::need(pair.images.bytes.size() == static_cast<std::size_t>(pair.images.elements()), "images without bytes");
  return 0;
}
