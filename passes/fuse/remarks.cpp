// One note for each line of the model and reason.
#include "passes/fuse/remarks.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ir/error.h"

namespace weft::passes {

using ir::kNone;
using ir::OpId;
using ir::ValueId;

namespace {

constexpr std::int64_t kLeastBytes = 4096;  // that take longer than to read the note

using Pair = std::pair<std::uint32_t, std::uint32_t>;

// Kernels of which one reads what the other makes, or that read the same large value.
std::set<Pair> neighbours(const Search& search) {
  const ir::Graph& graph = search.regions().graph();
  std::set<Pair> pairs;
  for (ValueId value = 0; value < graph.values.size(); ++value) {
    const OpId maker = graph.values[value].op;
    const std::uint32_t home = maker == kNone ? kNone : search.kernel_of(maker);
    std::uint32_t other = home;
    for (const std::uint32_t reader : search.readers(value)) {
      if (other != kNone) pairs.insert(std::minmax(other, reader));
      if (home == kNone) other = reader;
    }
  }
  return pairs;
}

struct Cause {
  kernel::Objection objection;  // of the pair with the most bytes
  ValueId value = kNone;        // the largest of these
  std::int64_t most = 0, bytes = 0;
  std::set<std::uint32_t> kernels;
};

}  // namespace

void note_kernels_apart(const Search& search, Context& context) {
  const ir::Graph& graph = search.regions().graph();
  std::map<std::tuple<std::string, int, std::string>, Cause> causes;
  std::set<std::pair<ValueId, std::uint32_t>> counted;
  for (const auto& [a, b] : neighbours(search)) {
    const Price more = search.price_of_joining(a, b);
    if (more.bytes <= 0 || more.because.instead.empty() || search.has_detour(a, b)) continue;
    std::int64_t bytes = 0;
    Saving largest;
    for (const Saving& saving : search.saved_by_joining(a, b)) {
      if (!counted.emplace(saving.value, saving.kernel).second) continue;
      bytes += saving.bytes;
      if (saving.bytes > largest.bytes) largest = saving;
    }
    const ir::Location& location = graph.ops[more.because.op].location;
    Cause& cause = causes[{location.file, location.line, more.because.instead}];
    cause.bytes += bytes;
    cause.kernels.insert({a, b});
    if (bytes > cause.most) cause = {more.because, largest.value, bytes, cause.bytes, std::move(cause.kernels)};
  }
  std::vector<Cause> told;
  for (auto& [key, cause] : causes)
    if (cause.bytes >= kLeastBytes) told.push_back(std::move(cause));
  std::stable_sort(told.begin(), told.end(), [](const Cause& a, const Cause& b) { return a.bytes > b.bytes; });
  for (const Cause& cause : told) {
    const auto& [op, what, instead] = cause.objection;
    const ir::Value& value = graph.values[cause.value];
    const std::string name = value.name.empty() ? "" : " %" + value.name;
    const std::string all = cause.bytes == cause.most
                                ? ""
                                : fmt::format("; {} in {} kernels of this line", cause.bytes, cause.kernels.size());
    context.notes.push_back({"fuse", graph.ops[op].location,
                             fmt::format("{}: {} bytes, such as {}{}, are stored or read again{}. To avoid it, {}",
                                         what, cause.most, to_string(value.type), name, all, instead)});
  }
}

}  // namespace weft::passes
