// The engine, and running primitives.
#include "backends/cpu/onednn/onednn.h"

#include <algorithm>

#include "backends/cpu/onednn/call.h"
#include "ir/error.h"

namespace weft::cpu {

const dnnl::engine& engine() {
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

// A dim of size 1 may have any stride; oneDNN wants the one that makes the other dim dense.
dnnl::memory::desc desc_of(const Matrix& matrix) {
  const bool dense_rows = matrix.column_stride == 1 || matrix.columns == 1;
  const dnnl::memory::dims strides = dense_rows ? dnnl::memory::dims{std::max(matrix.row_stride, matrix.columns), 1}
                                                : dnnl::memory::dims{1, std::max(matrix.column_stride, matrix.rows)};
  return {{matrix.rows, matrix.columns}, dnnl::memory::data_type::f32, strides};
}

void Call::add(int argument, const dnnl::memory::desc& desc) {
  memories_.emplace_back(desc, engine(), nullptr);
  arguments_.push_back({argument, memories_.back().get()});
}

// The C interface, because the C++ one allocates a vector of arguments per call.
void Call::run() {
  const OneThread one_thread;
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive_.get(), stream_.get(), int(arguments_.size()), arguments_.data());
  check(status == dnnl_success, "oneDNN failed to run a primitive");
}

MatmulCall::MatmulCall(const dnnl::matmul::primitive_desc& desc, bool bias)
    : call(dnnl::matmul(desc)), scratch_bytes(desc.scratchpad_desc().get_size()) {
  call.add(DNNL_ARG_SRC, desc.src_desc());
  call.add(DNNL_ARG_WEIGHTS, desc.weights_desc());
  if (bias) call.add(DNNL_ARG_BIAS, desc.bias_desc());
  call.add(DNNL_ARG_DST, desc.dst_desc());
  call.add(DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc());
}

// x <= 0 is false for NaN.
void Relu::run() const {
  for (std::int64_t line = 0; line < lines; ++line) {
    float* const numbers = data + line * stride;
    for (std::int64_t i = 0; i < size; ++i) numbers[i] = numbers[i] <= 0 ? 0 : numbers[i];
  }
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace weft::cpu
