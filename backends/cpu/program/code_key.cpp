// Lists every field of a kernel by structured bindings, so that a new field does not compile until it is added here.
#include "backends/cpu/program/code_key.h"

#include <type_traits>

namespace weft::cpu {

namespace {

class Key {
 public:
  std::string take() { return std::move(bytes_); }

  template <typename Number>
  requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>) void add(Number number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  template <typename Thunk>
  void add(const std::vector<Thunk>& items) {
    add(items.size());
    for (const Thunk& item : items) add(item);
  }
  void add(const std::string& text) {
    add(text.size());
    bytes_ += text;
  }

  void add(const kernel::Dim& dim) {
    const auto& [size, row] = dim;
    all(size, row);
  }
  void add(const kernel::Map& map) {
    const auto& [offset, strides] = map;
    all(offset, strides);
  }
  void add(const kernel::Buffer& buffer) {
    const auto& [name, dtype, output, literal] = buffer;
    all(dtype, output, literal);
  }
  void add(const kernel::Indirect& indirect) {
    const auto& [stride, size] = indirect;
    all(stride, size);
  }
  void add(const kernel::Node& node) {
    const auto& [kind, code, dtype, operands, of_unit, value, buffer, stream, map, indirect, extent, level, stage,
                 varies, once, name] = node;
    all(kind, code, dtype, operands, of_unit, value, buffer, stream, map, indirect, extent, level, stage, varies, once);
  }
  void add(const kernel::Store& store) {
    const auto& [value, buffer, map, level, dims] = store;
    all(value, buffer, map, level, dims);
  }
  void add(const kernel::Kernel& kernel) {
    const auto& [name, dims, lane, buffers, arguments, nodes, stores, row_stages] = kernel;
    all(dims, lane, buffers, arguments, nodes, stores, row_stages);
  }
  void add(const Matrix& matrix) {
    const auto& [rows, columns, row_stride, column_stride] = matrix;
    all(rows, columns, row_stride, column_stride);
  }
  void add(const Matmul& matmul) {
    const auto& [name, a, b, result, bias, activation, accumulate] = matmul;
    all(a, b, result, bias, activation, accumulate);
  }
  void add(const Winograd& winograd) {
    const auto& [name, part, images, height, width, in, out, is_turned, bias, activation] = winograd;
    all(part, images, height, width, in, out, is_turned, bias, activation);
  }

 private:
  template <typename... Fields>
  void all(const Fields&... fields) {
    (add(fields), ...);
  }

  std::string bytes_;
};

}  // namespace

std::string code_key(const KernelSource& source) {
  Key key;
  key.add(source.index());
  std::visit([&](const auto& each) { key.add(each); }, source);
  return key.take();
}

}  // namespace weft::cpu
