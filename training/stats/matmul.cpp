// One matmul, compiled.
#include "training/stats/matmul.h"

#include <algorithm>

#include "frontend/entry.h"
#include "frontend/ops.h"

namespace weft::training {

Matmul::Matmul(const Shape& shape, const SessionOptions& options) {
  ir::Module module{"product", {}};
  {
    Entry entry(module, "product", Mode::eval);
    const auto operand = [&](const char* name, std::int64_t rows, std::int64_t columns, bool transposed) {
      const Tensor stored = entry.input(name, transposed ? Dims{columns, rows} : Dims{rows, columns});
      return transposed ? transpose(stored) : stored;
    };
    const Tensor a = operand("a", shape.rows, shape.inner, shape.transpose_a);
    const Tensor b = operand("b", shape.inner, shape.columns, shape.transpose_b);
    entry.output("product", matmul(a, b));
  }
  CompileOptions compile_options;
  compile_options.backend = options.backend;
  compile_options.threads = options.threads;
  compile_options.precision = options.precision;
  program_ = compile(std::make_shared<const ir::Graph>(std::move(module.graphs.front())), compile_options);
}

const float* Matmul::operator()(const float* a, const float* b) {
  const auto give = [&](const char* name, const float* memory) {
    const int port = program_->find_input(name);
    if (program_->space()->is_host())
      program_->bind_input(port, const_cast<float*>(memory));
    else
      program_->write_input(port, memory);
  };
  give("a", a);
  give("b", b);
  program_->run();
  return result();
}

const float* Matmul::result() {
  const int port = program_->find_output("product");
  if (program_->space()->is_host()) return static_cast<const float*>(program_->output(port));
  result_.resize(static_cast<std::size_t>(program_->outputs()[static_cast<std::size_t>(port)].type.elements()));
  program_->read_output(port, result_.data());
  return result_.data();
}

void for_each_row_products(const runtime::HostTensor& rows, const runtime::HostTensor& table,
                           const SessionOptions& options,
                           const std::function<void(std::int64_t, std::span<const float>)>& visit) {
  constexpr std::int64_t block = 256;  // rows at once
  const std::int64_t width = table.shape[1], count = table.shape[0];
  Matmul product({.rows = block, .inner = width, .columns = count, .transpose_b = true}, options);
  runtime::HostTensor some = runtime::HostTensor::zeros(ir::DType::f32, {block, width});
  for (std::int64_t begin = 0; begin < rows.shape[0]; begin += block) {
    const std::int64_t here = std::min(block, rows.shape[0] - begin);
    std::copy_n(rows.as<float>().begin() + begin * width, here * width, some.as<float>().begin());
    const float* products = product(some.as<float>().data(), table.as<float>().data());
    for (std::int64_t i = 0; i < here; ++i) visit(begin + i, {products + i * count, static_cast<std::size_t>(count)});
  }
}

}  // namespace weft::training
