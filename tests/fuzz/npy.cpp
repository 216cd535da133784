// Arrays of NumPy: one alone, and as images beside labels.
#include "training/data/npy.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  std::string_view rest = fuzz::text_of(data, size);
  const std::filesystem::path images = fuzz::memory_folder() / "images.npy",
                              labels = fuzz::memory_folder() / "labels.npy";
  fuzz::write(images, fuzz::take_part(rest));
  fuzz::write(labels, rest);
  if (rest.empty()) std::filesystem::remove(labels);
  fuzz::accepts([&] {
    const runtime::HostTensor tensor = training::read_npy(images);
    fuzz::need(tensor.bytes.size() == static_cast<std::size_t>(tensor.elements()) * size_of(tensor.dtype),
               "an array without its bytes");
  });
  fuzz::accepts([&] {
    const training::DatasetSplits splits = training::load_npy(images, {});
    for (const std::int32_t label : splits.train.labels.as<std::int32_t>())
      fuzz::need(label >= 0 && label < splits.train.classes, "a label that is no class");
  });
  return 0;
}
