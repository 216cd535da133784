// Matmuls by cuBLASLt, which is column-major: a row-major result is computed as the matmul of the transposes, where our
// bias of one number per column is cuBLASLt's bias of one number per row.
#include <algorithm>

#include "backends/cuda/device/driver_primitive.h"
#include "ir/error.h"

namespace weft::cuda {

namespace {

constexpr std::uint64_t kWorkspaceBytes = std::uint64_t{32} << 20;

std::string text_of(const Matmul& matmul) {
  return fmt::format("matmul [{},{}] x [{},{}]", matmul.a.rows, matmul.a.columns, matmul.b.rows, matmul.b.columns);
}

bool has_dense_rows(const Matrix& matrix) { return matrix.column_stride == 1 || matrix.columns == 1; }

// The transpose of our matrix, as cuBLASLt describes matrices.
struct Transposed {
  Transposed(const Matrix& matrix, weft_dtype dtype, const Matmul& matmul, std::size_t side, const std::string& what) {
    const bool dense_rows = has_dense_rows(matrix);
    operation = dense_rows ? CUBLAS_OP_N : CUBLAS_OP_T;
    const std::int64_t rows = dense_rows ? matrix.columns : matrix.rows,
                       columns = dense_rows ? matrix.rows : matrix.columns;
    const std::int64_t between = std::max(dense_rows ? matrix.row_stride : matrix.column_stride, rows);
    const cudaDataType_t type = dtype == WEFT_BF16 ? CUDA_R_16BF : CUDA_R_32F;
    must(apis().cublasLtMatrixLayoutCreate(&layout, type, std::uint64_t(rows), std::uint64_t(columns), between), what);
    if (matmul.count == 1) return;
    const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
      must(apis().cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof value), what);
    };
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, std::int32_t(matmul.count));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, matmul.strides[side]);
  }
  ~Transposed() { apis().cublasLtMatrixLayoutDestroy(layout); }
  Transposed(const Transposed&) = delete;
  Transposed& operator=(const Transposed&) = delete;

  cublasOperation_t operation = CUBLAS_OP_N;
  cublasLtMatrixLayout_t layout = nullptr;
};

class LtMatmul final : public Primitive {
 public:
  LtMatmul(cublasLtHandle_t handle, CUstream stream, const Matmul& matmul)
      : handle_(handle),
        stream_(stream),
        what_(text_of(matmul)),
        bias_(matmul.bias != 0),
        suffix_(precision_suffix(matmul.dtype, matmul.tf32 != 0)),
        a_(matmul.b, matmul.dtype, matmul, 1, what_),
        b_(matmul.a, matmul.dtype, matmul, 0, what_),
        result_(matmul.result, WEFT_F32, matmul, 2, what_) {
    check(has_dense_rows(matmul.result), "matmuls write rows");
    const bool rounds = matmul.dtype == WEFT_F32 && matmul.tf32 != 0;
    must(
        apis().cublasLtMatmulDescCreate(&desc_, rounds ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
        what_);
    set(CUBLASLT_MATMUL_DESC_TRANSA, a_.operation);
    set(CUBLASLT_MATMUL_DESC_TRANSB, b_.operation);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(matmul));
    // cuBLASLt selects algorithms by the alignment of the bias, which it derives from an address: any address with that
    // alignment works.
    if (bias_) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<void*>(std::uintptr_t(matmul.alignment[3])));
    choose(matmul);
  }
  ~LtMatmul() override { apis().cublasLtMatmulDescDestroy(desc_); }
  LtMatmul(const LtMatmul&) = delete;
  LtMatmul& operator=(const LtMatmul&) = delete;

  void run(void* const* operands, void* scratch) override {
    if (bias_) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands[2]);
    void* const result = operands[bias_ ? 3 : 2];
    const float one = 1, zero = 0;
    must(apis().cublasLtMatmul(handle_, desc_, &one, operands[1], a_.layout, operands[0], b_.layout, &zero, result,
                               result_.layout, result, result_.layout, &chosen_.algo, scratch, chosen_.workspaceSize,
                               stream_),
         what_);
  }
  std::size_t scratch_bytes() const override { return chosen_.workspaceSize; }
  std::string implementation() const override { return "cublasLt" + suffix_; }

 private:
  template <typename Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    must(apis().cublasLtMatmulDescSetAttribute(desc_, attribute, static_cast<const void*>(&value), sizeof value),
         what_);
  }

  static cublasLtEpilogue_t epilogue(const Matmul& matmul) {
    const std::string activation = matmul.activation;
    if (activation.empty()) return matmul.bias != 0 ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    check(activation == "relu", "the target of cuda lists the activations of matmuls");
    return matmul.bias != 0 ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  }

  // The first choice of cuBLASLt among algorithms whose sums have a fixed order.
  void choose(const Matmul& matmul) {
    cublasLtMatmulPreference_t preference = nullptr;
    must(apis().cublasLtMatmulPreferenceCreate(&preference), what_);
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      apis().cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, matmul.alignment[1]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, matmul.alignment[0]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, matmul.alignment[2]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, matmul.alignment[2]);
    int found = 0;
    const cublasStatus_t status = apis().cublasLtMatmulAlgoGetHeuristic(
        handle_, desc_, a_.layout, b_.layout, result_.layout, result_.layout, preference, 1, &chosen_, &found);
    apis().cublasLtMatmulPreferenceDestroy(preference);
    must(status, what_);
    if (found == 0) fail("{}: cuBLASLt has no algorithm for it", what_);
  }

  cublasLtHandle_t handle_;
  CUstream stream_;
  std::string what_;
  bool bias_;
  std::string suffix_;
  Transposed a_, b_, result_;
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatmulHeuristicResult_t chosen_{};
};

}  // namespace

std::unique_ptr<Primitive> make_matmul(cublasLtHandle_t handle, CUstream stream, const Matmul& matmul) {
  return std::make_unique<LtMatmul>(handle, stream, matmul);
}

}  // namespace weft::cuda
