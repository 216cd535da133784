// The text form: parse, verify, print; what is printed parses to the same module.
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "ir/visible.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  ir::Module module;
  if (!fuzz::accepts([&] { module = ir::parse(fuzz::text_of(data, size), "input"); })) return 0;
  const bool is_valid = fuzz::accepts([&] {
    for (const ir::Graph& graph : module.graphs) ir::verify(graph);
  });
  fuzz::need(is_valid, "what was parsed does not verify");
  const std::string text = ir::print(module);
  ir::Module again;
  const bool is_read = fuzz::accepts([&] { again = ir::parse(text, "printed"); });
  fuzz::need(is_read, "what was printed does not parse", text);
  fuzz::need(ir::print(again) == text, "what was printed parses to another module", text);
  fuzz::need(visible_lines(text) == text, "what was printed acts on a terminal", text);
  return 0;
}
