// Layouts of kernels in memory: "OIhw16i16o".
#include <algorithm>

#include "ir/memory_layout.h"
#include "ir/type.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const std::string_view text = fuzz::text_of(data, size);
  const auto layout = ir::parse_memory_layout(text);
  const ir::Type type{ir::DType::f32, {ir::Dim(64), ir::Dim(48), ir::Dim(3), ir::Dim(2)}};
  const std::string misfit = ir::memory_layout_misfit(text, type);
  if (!layout) {
    fuzz::need(text.empty() == misfit.empty(), "a text that is no layout fits");
    return 0;
  }
  fuzz::need(ir::to_string(*layout) == text, "a layout is printed as another text");
  if (!misfit.empty()) return 0;
  std::vector<std::size_t> offsets = ir::memory_offsets(*layout, ir::numbers(type.dims));
  std::sort(offsets.begin(), offsets.end());
  fuzz::need(offsets.size() == 64 * 48 * 3 * 2, "a layout of another number of elements");
  for (std::size_t i = 0; i < offsets.size(); ++i) fuzz::need(offsets[i] == i, "offsets that are no permutation");
  return 0;
}
