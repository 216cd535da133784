#include "tests/fuzz/graphs/check.h"

#include "ir/error.h"
#include "tests/fuzz/graphs/promises.h"

namespace weft::fuzz {

Outcome guarded(const std::function<Outcome()>& check) {
  try {
    return check();
  } catch (const InternalError& error) {
    return Failure{"internal error", error.what()};
  } catch (const Error& error) {
    return Failure{"error", error.what()};
  } catch (const std::exception& error) {
    return Failure{"exception", error.what()};
  }
}

void count_graph(const ir::Graph& graph, Counts& counts) {
  counts.ops += graph.ops.size();
  for (const ir::Op& op : graph.ops) {
    ++counts.by_op[std::size_t(op.code)];
    for (const auto& [key, value] : op.attrs.values()) counts.attributes |= std::uint32_t(key);
  }
}

Outcome compare(const ir::Graph& bound, const Subject& subject, const Tensors& before, const Tensors& after,
                const Tolerance& tolerance, const Noise& noise, bool stabilised, Counts& counts) {
  for (const Tensor& tensor : before) counts.compared += tensor.data.size();
  const std::vector<Difference> found = differences(before, after, tolerance);
  if (found.empty()) return {};
  if (tolerance.relative == 0) return Failure{"bits", describe(bound, found.front())};
  const std::vector<Difference> left = unexplained(bound, subject.inputs, found, noise, tolerance);
  counts.explained += left.empty() ? 1 : 0;
  if (left.empty()) return {};
  if (may_differ(bound, subject.inputs, stabilised)) {
    ++counts.permitted;
    return {};
  }
  return Failure{"values", describe(bound, left.front())};
}

}  // namespace weft::fuzz
