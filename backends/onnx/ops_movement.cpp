// Ops that need sizes: parts and padding, sources, random numbers, sums into rows.
#include <optional>

#include "backends/onnx/ops.h"
#include "ir/error.h"

namespace weft::onnx {

using ir::Attr;
using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Op;
using ir::OpCode;

namespace {

using Combine = std::optional<Dim> (*)(const Dim&, const Dim&);

// i64[rank]: a + b, or a - b, of each axis. Where that is no dim, such as B + 1, a node computes it.
std::string combined(Emitter& emit, Combine combine, const char* node, const Dims& a, const Dims& b) {
  Dims dims;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::optional<Dim> dim = combine(a[i], b[i]);
    if (!dim) return emit.node(node, {emit.shape(a), emit.shape(b)});
    dims.push_back(*dim);
  }
  return emit.shape(dims);
}

}  // namespace

// Along the axes where something is cut off.
std::string translate_slice(Emitter& emit, const Op& op) {
  const Dims& from = emit.type(op.operands[0]).dims;
  const Dims& to = emit.result_type(op).dims;
  const Dims& start = op.attrs.dims(Attr::start);
  std::vector<std::int64_t> axes;
  Dims begins, sizes;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (from[i] == to[i]) continue;
    axes.push_back(std::int64_t(i));
    begins.push_back(start[i]);
    sizes.push_back(to[i]);
  }
  const std::string& x = emit[op.operands[0]];
  if (axes.empty()) return x;
  const std::string ends = combined(emit, ir::add, "Add", begins, sizes);
  return emit.node("Slice", {x, emit.shape(begins), ends, emit.integers(axes)});
}

std::string translate_pad(Emitter& emit, const Op& op) {
  const Dims& from = emit.type(op.operands[0]).dims;
  const Dims& to = emit.result_type(op).dims;
  const Dims& before = op.attrs.dims(Attr::start);
  Dims rest;  // behind the begin
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::optional<Dim> dim = ir::subtract(to[i], before[i]);
    if (!dim)
      fail("{}: [pad] from {} to {} adds up symbols and numbers; export it for a fixed batch (--batch N)",
           ir::to_string(op.location), ir::to_string(emit.type(op.operands[0])), ir::to_string(emit.result_type(op)));
    rest.push_back(*dim);
  }
  const std::string after = combined(emit, ir::subtract, "Sub", rest, from);
  const std::string pads = emit.node("Concat", {emit.shape(before), after}, {{"axis", std::int64_t(0)}});
  return emit.node("Pad", {emit[op.operands[0]], pads});
}

// A size as a scalar.
std::string size_of(Emitter& emit, const Dim& dim, DType dtype) {
  if (dim.is_number()) return emit.scalar(double(dim.factor), dtype);
  const std::string size =
      emit.node("Cast", {emit.shape({dim})}, {{"to", static_cast<std::int64_t>(data_type(dtype))}});
  return emit.node("Squeeze", {size});
}

// The rows of a table that indices mean: the nearest, where ONNX counts negative ones from the end and refuses others.
static std::string rows_of(Emitter& emit, ir::ValueId indices, const Dim& rows) {
  const std::string zero = emit.scalar(0, DType::i32);
  const std::string last = rows.is_number()
                               ? emit.scalar(double(rows.factor - 1), DType::i32)
                               : emit.node("Sub", {size_of(emit, rows, DType::i32), emit.scalar(1, DType::i32)});
  return emit.node("Clip", {emit[indices], zero, last});
}

std::string translate_gather(Emitter& emit, const Op& op) {
  const std::string rows = rows_of(emit, op.operands[1], emit.type(op.operands[0]).dims.front());
  return emit.node("Gather", {emit[op.operands[0]], rows}, {{"axis", std::int64_t(0)}});
}

std::string translate_scatter_add(Emitter& emit, const Op& op) {
  const ir::Type& result = emit.result_type(op);
  const std::string zeros = emit.expand(emit.scalar(0, result.dtype), {}, result.dims);
  const std::string rows = rows_of(emit, op.operands[0], result.dims.front());
  const std::string places = emit.node("Cast", {rows}, {{"to", static_cast<std::int64_t>(DataType::i64)}});
  const std::string column = emit.node("Unsqueeze", {places, emit.integers({1})});
  return emit.node("ScatterND", {zeros, column, emit[op.operands[1]]}, {{"reduction", std::string("add")}});
}

std::string translate_dim_size(Emitter& emit, const Op& op) {
  return size_of(emit, op.attrs.dims(Attr::dim).front(), emit.result_type(op).dtype);
}

std::string translate_iota(Emitter& emit, const Op& op) {
  const ir::Type& result = emit.result_type(op);
  const auto axis = static_cast<std::size_t>(op.attrs.integer(Attr::axis));
  const DType dtype = result.dtype;
  const std::string range =
      emit.node("Range", {emit.scalar(0, dtype), size_of(emit, result.dims[axis], dtype), emit.scalar(1, dtype)});
  Dims aligned(result.rank(), Dim(1));
  aligned[axis] = result.dims[axis];
  const std::string column = emit.reshape(range, {result.dims[axis]}, aligned);
  return emit.expand(column, aligned, result.dims);
}

std::string translate_random(Emitter& emit, const Op& op) {
  const ir::Type& result = emit.result_type(op);
  const bool is_normal = op.code == OpCode::random_normal;
  switch (emit.options().random) {
    case Random::refuse: {
      const std::string place = ir::to_string(op.location);
      fail(
          "{}{}[{}] entry @{} draws random numbers, and ONNX has no way to draw Weft's: say --random input to take "
          "them as an input, --random draw to let the runtime draw others, or export an entry that draws none",
          place, place.empty() ? "" : ": ", ir::name(op.code), emit.graph().name);
    }
    case Random::draw: {
      const std::string like = emit.expand(emit.scalar(0, result.dtype), {}, result.dims);
      return emit.node(is_normal ? "RandomNormalLike" : "RandomUniformLike", {like});
    }
    case Random::input:
      return emit.input(fmt::format("{}.{}", is_normal ? "normal" : "uniform", op.attrs.integer(Attr::stream)), result);
  }
  throw InternalError("onnx: a way to treat random numbers without a case");
}

}  // namespace weft::onnx
