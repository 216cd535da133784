// The loop-level kernel: the form of a fused region from which both code generators emit. It holds an iteration space,
// a DAG of scalar nodes, and where values are read and stored. It knows nothing about threads, vectors or a target.
// verify.h checks what is said here, ir/kernel/text prints and reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/op.h"
#include "ir/type.h"

namespace weft::kernel {

using NodeId = std::uint32_t;
using DimSet = std::uint64_t;          // bit d: loop dim d
constexpr std::size_t kMostDims = 59;  // of a kernel: bits of a DimSet, with room for merging

// One loop. Outer dims come before row dims; neighbours are merged where every map allows it.
struct Dim {
  std::int64_t size = 1;
  bool row = false;  // the row reductions reduce it: each point of the outer dims owns one row
  bool operator==(const Dim&) const = default;
};

// index -> offset + sum over dims of index[d] * strides[d]; a broadcast has stride 0.
struct Map {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;  // one per loop dim
  bool operator==(const Map&) const = default;
};

// Buffers are the kernel's arguments in order: the body's inputs, then its outputs. Buffers with a literal follow; they
// hold constant data of the kernel.
struct Buffer {
  std::string name;
  ir::DType dtype = ir::DType::f32;
  bool output = false;
  std::vector<double> literal;
  bool operator==(const Buffer& other) const;  // numbers by their bits
};

// A computed index: an operand (i32) of a load. The load clamps it to [0, size) as an unsigned number and adds it times
// `stride` to the address.
struct Indirect {
  std::int64_t stride = 0;
  std::int64_t size = 0;
  bool operator==(const Indirect&) const = default;
};

enum class NodeKind : std::uint8_t {
  load,          // buffer[map (+ each operand times its stride, see Indirect)]
  constant,      // value
  index,         // the value of `map`, as dtype
  random,        // `code` at element `map` of `stream`; buffer: i32[4] seed low, high, step low, high
  op,            // elementwise `code` of the operands, rounded to dtype
  row_reduce,    // sum or max (`code`) of operand 0 over the row dims; one number for the whole row
  final_reduce,  // the same over every dim in which `map`, the index into `extent` dense accumulators, has stride 0
};

// point: in the innermost loops. row: once per row, after the row reductions it depends on. final: after all points. A
// node that depends on no reduction is `point` whatever it varies along: emitters may compute it wherever its dims are
// known.
enum class Level : std::uint8_t { point, row, final };

struct Node {
  NodeKind kind = NodeKind::constant;
  ir::OpCode code = ir::OpCode::constant;
  ir::DType dtype = ir::DType::f32;
  std::vector<NodeId> operands;  // earlier nodes
  bool of_unit = false;          // of an op: its operand lies in [0, 1], so that code may use a shorter formula
  double value = 0;
  std::uint32_t buffer = 0;
  std::uint32_t stream = 0;
  Map map;
  std::vector<Indirect> indirect;  // of a load: one per operand
  std::int64_t extent = 0;
  Level level = Level::point;
  // The last stage of the row reductions it depends on, plus 1; for a row_reduce: the stage it ends; 0 at final level.
  int stage = 0;
  DimSet varies = 0;  // the dims along which its value varies
  // For a reduction: dims in which the operand has size 1 and counts once, at index 0.
  DimSet once = 0;
  std::string name;                          // of the graph value, for dumps
  bool operator==(const Node& other) const;  // numbers by their bits
};

// point: at every point of the last stage; row: at the end of each row; final: over `dims`, after all points.
struct Store {
  NodeId value = 0;
  std::uint32_t buffer = 0;
  Map map;
  Level level = Level::point;
  DimSet dims = 0;  // the dims its buffer extends along; along others (of its level) it is written only at index 0
  bool operator==(const Store&) const = default;
};

struct Kernel {
  std::string name;
  std::vector<Dim> dims;
  int lane = -1;  // the dim laid across vector lanes or neighbouring threads: the last outer or row dim; -1: none
  std::vector<Buffer> buffers;
  int arguments = 0;  // number of buffers that are passed in; the others are literals
  std::vector<Node> nodes;
  std::vector<Store> stores;
  int row_stages = 0;  // number of stages that end in row reductions; the last stage, which stores, has this number

  std::int64_t points() const;
  bool reads(std::uint32_t buffer) const;
  bool operator==(const Kernel&) const = default;
};

DimSet bit(int dim);
// Cost of evaluating a node once, in units of one add on one element. It excludes memory access, except for loads of
// single elements at computed positions.
double cost(const Node& node);

}  // namespace weft::kernel
