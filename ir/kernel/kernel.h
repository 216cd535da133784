// The loop-level kernel: what a fused region becomes before either code generator emits it. An iteration space, a DAG
// of scalar nodes, and where values are read and stored. Knows nothing of threads, vectors or a target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/op.h"
#include "ir/type.h"

namespace weft::kernel {

using NodeId = std::uint32_t;
using DimSet = std::uint64_t;  // bit d: loop dim d

// One loop. Outer dims come before row dims; neighbours that every map allows to be one are one.
struct Dim {
  std::int64_t size = 1;
  bool row = false;  // reduced by the row reductions: each point of the outer dims owns one row
};

// index -> offset + sum over dims of index[d] * strides[d]; a broadcast has stride 0.
struct Map {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;  // one per loop dim
};

// Buffers are the kernel's arguments in order: the body's inputs, then its outputs. Those with a literal come after,
// and are constant data of the kernel itself.
struct Buffer {
  std::string name;
  ir::DType dtype = ir::DType::f32;
  bool output = false;
  std::vector<double> literal;
};

// A computed index: an operand (i32) of a load, clamped to [0, size) as an unsigned number, times `stride` is added to
// the address.
struct Indirect {
  std::int64_t stride = 0;
  std::int64_t size = 0;
};

enum class NodeKind : std::uint8_t {
  load,          // buffer[map (+ each operand times its stride, see Indirect)]
  constant,      // value
  index,         // the number `map` gives, as dtype
  random,        // `code` at element `map` of `stream`; buffer: i32[4] seed low, high, step low, high
  op,            // elementwise `code` of the operands, rounded to dtype
  row_reduce,    // sum or max (`code`) of operand 0 over the row dims; the same number for the whole row
  final_reduce,  // the same over every dim in which `map`, the index into `extent` dense accumulators, has stride 0
};

// point: in the innermost loops. row: once per row, after the row reductions it depends on. final: after all points.
// A node that depends on no reduction is `point` whatever it varies along: emitters may compute it wherever its dims
// are known.
enum class Level : std::uint8_t { point, row, final };

struct Node {
  NodeKind kind = NodeKind::constant;
  ir::OpCode code = ir::OpCode::constant;
  ir::DType dtype = ir::DType::f32;
  std::vector<NodeId> operands;  // earlier nodes
  double value = 0;
  std::uint32_t buffer = 0;
  std::uint32_t stream = 0;
  Map map;
  std::vector<Indirect> indirect;  // of a load: one an operand
  std::int64_t extent = 0;
  Level level = Level::point;
  int stage = 0;      // of the row reductions it depends on, the last one's stage + 1; a row_reduce: the stage it ends
  DimSet varies = 0;  // the dims along which it differs
  // Of a reduction: dims in which the operand has size 1 and is not to be added again: count it at index 0 alone.
  DimSet once = 0;
  std::string name;  // of the graph value, for the reader
};

// point: at every point of the last stage; row: at the end of each row; final: over the dims of `dims`, after all.
struct Store {
  NodeId value = 0;
  std::uint32_t buffer = 0;
  Map map;
  Level level = Level::point;
  DimSet dims = 0;  // the dims its buffer extends along; along others (of its level) it is written at index 0 alone
};

struct Kernel {
  std::string name;
  std::vector<Dim> dims;
  int lane = -1;  // the dim best laid across vector lanes or neighbouring threads; the last outer or row dim. -1: none
  std::vector<Buffer> buffers;
  int arguments = 0;  // buffers that are passed in; the others are literals
  std::vector<Node> nodes;
  std::vector<Store> stores;
  int row_stages = 0;  // stages that end in row reductions; the last stage, where stores happen, has this number

  std::int64_t points() const;
  bool reads(std::uint32_t buffer) const;
};

DimSet bit(int dim);
std::string print(const Kernel& kernel);  // for people: `weft dump --stage kernels`
// Work of one evaluation of a node, in units of one add on one element; memory access is counted apart, but for loads
// of single elements at computed places.
double cost(const Node& node);

}  // namespace weft::kernel
