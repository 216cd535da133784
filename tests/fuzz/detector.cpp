// anomaly.json, and neighbours.npy beside it.
#include "tests/fuzz/input.h"
#include "training/runs/detector_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  std::string_view rest = fuzz::text_of(data, size);
  const std::filesystem::path path = fuzz::memory_folder() / "anomaly.json";
  fuzz::write(path, fuzz::take_part(rest));
  fuzz::write(fuzz::memory_folder() / "neighbours.npy", rest);
  fuzz::accepts([&] {
    const training::Normality normality = training::read_normality(path);
    if (!normality.gaussian || normality.gaussian->columns() == 0) return;
    normality.gaussian->whiten(runtime::HostTensor::zeros(ir::DType::f32, {3, normality.gaussian->columns()}));
  });
  return 0;
}
