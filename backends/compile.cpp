// Binds and verifies a graph, runs the pipeline, and passes the graph to a backend.
#include "backends/compile.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "backends/backend.h"
#include "ir/error.h"
#include "ir/text/suggest.h"
#include "ir/verify.h"
#include "passes/pipeline.h"

namespace weft {

namespace {

constexpr std::array<std::string_view, 3> kPrecisions{"f32", "tf32", "bf16"};  // in the order of the enum
constexpr std::array<std::string_view, 3> kContractions{"auto", "generated", "onednn"};

// The value of an enum whose names these are, in order.
template <typename Enum, std::size_t count>
Enum parse_name(const std::array<std::string_view, count>& names, const char* what, std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    fail("unknown {} {}{}", what, text, did_you_mean(text, std::vector<std::string>(names.begin(), names.end())));
  return Enum(found - names.begin());
}

ir::GraphPtr bound(const ir::GraphPtr& graph, const ir::Bindings& bindings) {
  if (graph->symbols().empty()) return graph;
  for (const std::string& symbol : graph->symbols())
    if (bindings.count(symbol) == 0) fail("graph @{} needs a number for the dim {}", graph->name, symbol);
  return std::make_shared<const ir::Graph>(ir::bind(*graph, bindings));
}

ir::GraphPtr bound_and_verified(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport& report) {
  if (options.observe) options.observe("graph", graph);
  const auto start = std::chrono::steady_clock::now();
  const ir::GraphPtr numbered = bound(graph, options.bind);
  ir::verify(*numbered);
  report.seconds.emplace_back("bind", seconds_since(start));
  return numbered;
}

const Backend& need_backend(const std::string& name) {
  if (const Backend* backend = find_backend(name)) return *backend;
  fail("this build has no backend '{}'; it has: {}", name, fmt::join(backend_choices(), ", "));
}

passes::Target target(const Backend& backend, const CompileOptions& options) {
  passes::Target target = backend.target ? backend.target(options) : passes::Target();
  const bool row_major = options.contractions == Contractions::generated;
  if (!options.choose_layouts || row_major) target.weights_layout = nullptr;
  if (!options.choose_layouts && !row_major && !options.layouts.empty()) target.kept_layouts = options.layouts;
  return target;
}

}  // namespace

std::string_view name(Precision precision) { return kPrecisions[std::size_t(precision)]; }

std::vector<std::string> precision_names() { return {kPrecisions.begin(), kPrecisions.end()}; }

Precision parse_precision(std::string_view text) { return parse_name<Precision>(kPrecisions, "precision", text); }

std::string_view name(Contractions contractions) { return kContractions[std::size_t(contractions)]; }

std::vector<std::string> contractions_names() { return {kContractions.begin(), kContractions.end()}; }

Contractions parse_contractions(std::string_view text) {
  return parse_name<Contractions>(kContractions, "contractions", text);
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Backend& backend : backends()) {
    using Default = Backend::Default;
    const auto has_all = [&] { return backend.needs && std::ranges::all_of(backend.needs(), &Finding::found); };
    if (backend.by_default == Default::always ||
        (backend.by_default == Default::if_first && names.empty() && has_all()))
      names.push_back(backend.name);
  }
  return names;
}

std::vector<std::string> backend_choices() {
  std::vector<std::string> names;
  for (const Backend& backend : backends()) names.push_back(backend.name);
  return names;
}

std::vector<std::string> backend_libraries() {
  std::vector<std::string> libraries;
  for (const Backend& backend : backends())
    libraries.insert(libraries.end(), backend.libraries.begin(), backend.libraries.end());
  return libraries;
}

bool has_precision(const std::string& backend, Precision precision) {
  const Backend* found = find_backend(backend);
  if (!found) return precision == Precision::f32;
  return std::ranges::find(found->precisions, precision) != found->precisions.end();
}

std::shared_ptr<runtime::Memory> memory_of(const std::string& backend) { return need_backend(backend).memory(); }

std::vector<Finding> find_needs(const std::string& backend) {
  const Backend* found = find_backend(backend);
  return found && found->needs ? found->needs() : std::vector<Finding>();
}

ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report) {
  CompileReport unused;
  CompileReport& facts = report ? *report : unused;
  const ir::GraphPtr numbered = bound_and_verified(graph, options, facts);
  passes::Context context;
  context.target = target(need_backend(options.backend), options);
  const auto observe = [&](const std::string& pass, const ir::GraphPtr& result, double seconds) {
    facts.seconds.emplace_back(pass, seconds);
    if (options.observe) options.observe(pass, result);
  };
  const ir::GraphPtr result = passes::run_passes(
      numbered, passes::compile_pipeline({.bf16 = options.precision == Precision::bf16}), context, observe);
  facts.notes.insert(facts.notes.end(), context.notes.begin(), context.notes.end());
  return result;
}

std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report) {
  CompileReport unused;
  CompileReport& facts = report ? *report : unused;
  const Backend& backend = need_backend(options.backend);
  if (!has_precision(options.backend, options.precision))
    fail("graph @{}: the backend '{}' does not support {}: use cuda, or f32", graph->name, options.backend,
         name(options.precision));
  if (options.contractions == Contractions::generated && !backend.generates_contractions)
    fail("graph @{}: the backend '{}' has no contractions of its own: use cpu", graph->name, options.backend);
  return backend.compile(backend.target ? lowered(graph, options, &facts) : bound_and_verified(graph, options, facts),
                         options, facts);
}

std::string kernel_source(const ir::GraphPtr& graph, const CompileOptions& options) {
  const Backend& backend = need_backend(options.backend);
  if (!backend.source) fail("the kernels of the backend '{}' have no source; use cuda", backend.name);
  return backend.source(*lowered(graph, options));
}

}  // namespace weft
