// The text form of kernels: parse, verify, print; what is printed parses to the same kernels.
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"
#include "ir/visible.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  std::vector<kernel::Kernel> kernels, again;
  if (!fuzz::accepts([&] { kernels = kernel::parse(fuzz::text_of(data, size), "input"); })) return 0;
  const std::string text = kernel::print(kernels);
  const bool is_read = fuzz::accepts([&] { again = kernel::parse(text, "printed"); });
  fuzz::need(is_read, "what was printed does not parse", text);
  fuzz::need(again == kernels, "what was printed parses to other kernels", text);
  fuzz::need(visible_lines(text) == text, "what was printed acts on a terminal", text);
  return 0;
}
