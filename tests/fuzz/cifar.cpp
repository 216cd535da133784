// A folder of CIFAR-10: the names of the classes, a batch to train and one to test. Records are long, so the batches
// are made of the input: each of its bytes is the label of a record, and the last part is put behind them as it is.
#include "training/data/cifar.h"

#include "tests/fuzz/input.h"

namespace {

std::string batch(std::string_view labels, std::string_view rest) {
  std::string bytes;
  for (const char label : labels.substr(0, 16)) bytes += label + std::string(3072, label);
  return bytes.append(rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  std::string_view rest = fuzz::text_of(data, size);
  const std::filesystem::path& folder = fuzz::memory_folder();
  fuzz::write(folder / "batches.meta.txt", fuzz::take_part(rest));
  fuzz::write(folder / "data_batch_1.bin", batch(fuzz::take_part(rest), ""));
  const std::string_view labels = fuzz::take_part(rest);
  fuzz::write(folder / "test_batch.bin", batch(labels, rest));
  training::DatasetSplits splits;
  if (!fuzz::accepts([&] { splits = training::load_cifar(folder, {.validation = 0}); })) return 0;
  fuzz::need(rest.size() % 3073 == 0, "a batch that is cut short is taken");
  for (const std::int32_t label : splits.test.labels.as<std::int32_t>())
    fuzz::need(label >= 0 && label < splits.test.classes, "a label that is no class");
  return 0;
}
