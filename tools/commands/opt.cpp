// weft opt: runs passes over a .weft file, and prints, times or checks each.
#include <algorithm>

#include "backends/oracle.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"
#include "ir/text/number.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/text/suggest.h"
#include "ir/verify.h"
#include "passes/check_each.h"
#include "passes/pipeline.h"
#include "runtime/atomic_file.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/notes.h"

namespace weft::tools {

namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    if (comma > begin) parts.push_back(list.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

class Opt final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.positional("FILE", file_, "A .weft file, or - for standard input; the result goes to standard output");
    flags.group("Passes");
    flags.add("passes", passes_, "A,B", "Passes to run, in this order");
    flags.add("list-passes", list_, "List the passes and exit");
    flags.add("bind", bind_, "B=64,N=100", "Bind symbolic dims first; fuse and later passes need numbers");
    flags.add("print-after", print_after_, "PASS",
              "Print the graph after each run of this pass, or all: after every pass");
    flags.add("timing", timing_, "Print the time of each pass to standard error");
    flags.add("check-each", check_,
              "Run the graph before and after each pass on random inputs and stop at the first pass that changes "
              "the results");
    flags.add("notes", notes_, "Print the passes' notes to standard error");
  }

  int run() override {
    if (list_) return list_passes();
    if (file_.empty()) fail_usage("weft opt needs a .weft file, or - for standard input");
    check_names();
    const ir::Bindings bindings = parse_bindings();
    const std::string text = runtime::read_file(file_ == "-" ? "/dev/stdin" : file_);
    if (kernel::is_kernel_text(text)) return print_kernels(text);
    ir::Module module = ir::parse(text, file_);
    for (ir::Graph& graph : module.graphs)
      graph = *optimise(bound(std::make_shared<const ir::Graph>(std::move(graph)), bindings));
    put_text(stdout, ir::print(module));
    return 0;
  }

 private:
  static int list_passes() {
    for (const passes::Pass& pass : passes::all_passes()) put("{:<14} {}\n", pass.name, pass.doc);
    return 0;
  }

  // Reading verifies them; passes are of graphs.
  int print_kernels(const std::string& text) const {
    if (!passes_.empty() || !bind_.empty())
      fail_usage("{} holds kernels, which come after all passes: --passes and --bind are for graphs", file_);
    put_text(stdout, kernel::print(kernel::parse(text, file_)));
    return 0;
  }

  void check_names() const {
    std::vector<std::string> names;
    for (const passes::Pass& pass : passes::all_passes()) names.push_back(pass.name);
    std::vector<std::string> asked = split(passes_);
    if (!print_after_.empty() && print_after_ != "all") asked.push_back(print_after_);
    for (const std::string& name : asked)
      if (!passes::find_pass(name)) fail_usage("there is no pass '{}'{}", name, did_you_mean(name, names));
  }

  ir::GraphPtr optimise(ir::GraphPtr graph) const {
    ir::verify(*graph);
    passes::Context context;
    if (check_) return checked(graph, context);
    ir::GraphPtr before = graph;
    graph = passes::run_passes(graph, split(passes_), context,
                               [&](const std::string& pass, const ir::GraphPtr& after, double seconds) {
                                 tell(pass, after, seconds, after == before);
                                 before = after;
                               });
    if (notes_) print_notes(context.notes);
    return graph;
  }

  ir::Bindings parse_bindings() const {
    ir::Bindings bindings;
    for (const std::string& part : split(bind_)) {
      const std::size_t equals = std::min(part.find('='), part.size());
      const auto number = parse_number<std::int64_t>(std::string_view(part).substr(std::min(equals + 1, part.size())));
      if (equals == 0 || !number || *number < 1)
        fail_usage("--bind takes dims and numbers, such as B=64,N=100; got '{}'", part);
      bindings[part.substr(0, equals)] = *number;
    }
    return bindings;
  }

  // Without --bind every dim stays free; with it, each needs a number.
  static ir::GraphPtr bound(const ir::GraphPtr& graph, const ir::Bindings& bindings) {
    if (bindings.empty()) return graph;
    for (const std::string& symbol : graph->symbols())
      if (bindings.count(symbol) == 0) fail("--bind gives no number for the dim {} of graph @{}", symbol, graph->name);
    return std::make_shared<const ir::Graph>(ir::bind(*graph, bindings));
  }

  ir::GraphPtr checked(const ir::GraphPtr& graph, passes::Context& context) const {
    passes::CheckOptions options;
    options.run = run_oracle;
    ir::GraphPtr result = passes::check_each(graph, split(passes_), context, options);
    put(stderr, "@{}: same results after each of {}\n", graph->name, passes_);
    if (notes_) print_notes(context.notes);
    return result;
  }

  void tell(const std::string& pass, const ir::GraphPtr& graph, double seconds, bool unchanged) const {
    if (timing_)
      put(stderr, "@{:<12} {:<14} {:8.3f} ms{}\n", graph->name, pass, seconds * 1e3, unchanged ? "  (unchanged)" : "");
    if (print_after_ == pass || print_after_ == "all") {
      put("// after {}{}\n", pass, unchanged ? " (unchanged)" : "");
      put_text(stdout, ir::print(*graph) + "\n");
    }
  }

  std::string file_, passes_, bind_, print_after_;
  bool list_ = false, timing_ = false, check_ = false, notes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_opt(const Catalog&) { return std::make_unique<Opt>(); }

}  // namespace weft::tools
