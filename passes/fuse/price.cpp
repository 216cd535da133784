// Rows that are read twice, and work that is repeated.
#include "passes/fuse/price.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "ir/error.h"

namespace weft::passes {

using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;
using kernel::DimSet;
using kernel::Region;

namespace {

constexpr double kEveryByte = std::numeric_limits<double>::infinity();
constexpr std::int64_t kLongestRow = 1 << 16;  // floats of a row that stays in a core's cache until it is read again
constexpr std::int64_t kShortestRow = 4096;    // floats that are worth a second thread
constexpr double kThreads = 16;                // of which one processes a row
constexpr double kFloatsPerLine = 16;          // of a line of the cache, loaded for one of them
constexpr double kCacheSpeed = 8;              // of memory's, where a row reads again what another has read
constexpr std::int64_t kReadsPerSample = 4;    // pixels of an affine_sample
constexpr std::int64_t kNumbersPerTheta = 6;   // of an affine_sample, which each pixel reads

class Pricing {
 public:
  Pricing(const Graph& graph, const Region& region) : graph_(graph), region_(region) {
    for (const std::int64_t size : region.sizes()) points_ *= size;
  }

  Price find() {
    add_rows();
    add_repeated();
    add_moved();
    return std::move(price_);
  }

 private:
  const Op& op(OpId id) const { return graph_.ops[id]; }

  void add(double bytes, kernel::Objection because) {
    if (bytes > largest_) price_.because = std::move(because);
    largest_ = std::max(largest_, bytes);
    price_.bytes += bytes;
  }

  // A row waits for its reductions and is then read again.
  void add_rows() {
    const DimSet row = region_.row();
    if (row == 0 || region_.has_windows()) return;
    std::int64_t length = 1;
    for (std::size_t d = 0; d < region_.sizes().size(); ++d)
      if ((row & kernel::bit(int(d))) != 0) length *= region_.sizes()[d];
    const bool is_strided = (region_.dims() & ~row) > (row & ~(row - 1)), is_long = length > kLongestRow;
    const double pass = double(points_) * sizeof(float);
    double bytes = is_long ? kEveryByte : 0;
    if (is_strided) bytes += pass * (kFloatsPerLine - 1);
    if (length == points_ && length > kShortestRow) bytes += pass * (kThreads - 1);
    if (bytes == 0) return;
    const auto is_row = [&](OpId id) { return kernel::is_reduce(op(id).code) && region_.is_row_reduce(id); };
    const OpId reduce = *std::find_if(region_.placed().begin(), region_.placed().end(), is_row);
    add(bytes,
        {reduce, fmt::format("{} must end before its result is used", kernel::describe(graph_, reduce)),
         is_strided || !is_long ? kernel::kReduceRows : fmt::format("use rows of up to {} elements", kLongestRow)});
  }

  // Values smaller than the space, but not constant along its innermost dim, are computed again for every row. Those
  // constant in each window are computed once per window; those behind a final reduction at the end, where nothing can
  // be reduced.
  void add_repeated() {
    const DimSet all = region_.dims();
    for (const OpId id : region_.placed()) {
      if (kernel::is_reduce(op(id).code) && region_.is_after_final(id))
        add(kEveryByte, {id, kernel::describe(graph_, id) + " starts only when another reduction has ended",
                         "reduce the dims of both at once"});
      const DimSet own = region_.extents(id);
      if (own == all || (own & std::bit_floor(all)) == 0 || region_.is_after_final(id) ||
          (region_.has_windows() && own == (all & ~region_.row())))
        continue;
      const std::int64_t times = points_ / elements(id);
      add(double(times - 1) * (work(graph_, id) + double(elements(id)) * sizeof(float) / kCacheSpeed), {id, {}, {}});
    }
  }

  std::int64_t elements(OpId id) const {
    return ir::Type{ir::DType::f32, kernel::loop_dims(graph_, op(id))}.elements();
  }

  // What gather and affine_sample read is computed where they read it; indices of a gather once for each of its rows.
  void add_moved() {
    for (const auto& [reader, value, makers] : region_.moved()) {
      const bool is_first = value == op(reader).operands[0];
      const std::int64_t each = op(reader).code == OpCode::affine_sample
                                    ? (is_first ? kReadsPerSample : kNumbersPerTheta)
                                    : std::int64_t(is_first);
      const std::int64_t reads = graph_.type(op(reader).results[0]).elements() * each;
      for (const OpId id : makers)
        add(op(id).code == OpCode::affine_sample
                ? kEveryByte  // a sample of a sample reads 16 pixels
                : work(graph_, id) * std::max(0.0, double(reads) / double(elements(id)) - 1),
            {id, fmt::format("{} would compute {} {} times", ir::name(op(reader).code), ir::name(op(id).code), reads),
             kernel::instead_of_moving(op(reader), value)});
    }
  }

  const Graph& graph_;
  const Region& region_;
  std::int64_t points_ = 1;
  double largest_ = 0;
  Price price_;
};

}  // namespace

Price price(const kernel::RegionGraph& graph, const std::vector<OpId>& members) {
  const Region region(graph, members);
  if (!region.why_not().empty()) return {kEveryByte, region.objection()};
  return Pricing(graph.graph(), region).find();
}

double work(const Graph& graph, OpId id) {
  const Op& op = graph.ops[id];
  if (is_free_source(graph, op)) return 0;
  const double elements = double(graph.type(kernel::is_reduce(op.code) ? op.operands[0] : op.results[0]).elements());
  return elements * ir::info(op.code).cost / kAdditionsPerByte;
}

bool is_free_source(const Graph& graph, const Op& op) {
  if (ir::info(op.code).kind == ir::OpKind::source) return true;
  if (op.code != OpCode::broadcast) return false;
  const Op* source = graph.producer(op.operands[0]);
  return source && source->code == OpCode::constant;
}

}  // namespace weft::passes
