// The tables of programs of the backend cpu: kernels of the object file, and library calls.
#include <variant>

#include "backends/aot/program_text.h"
#include "ir/error.h"

namespace weft::aot {

namespace {

class CpuText final : public ProgramText {
 public:
  CpuText(const Artefact& artefact, const CpuProgram& program, const std::string& prefix)
      : ProgramText(artefact, *program.graph, prefix) {
    for (const cpu::KernelFacts& kernel : program.kernels) add_kernel(kernel);
    for (const cpu::Step& step : program.schedule->steps()) add_step(std::visit(*this, step.body), step);
  }

  // Writes the struct of a step's kind and returns the kind's name.
  std::string operator()(const cpu::KernelStep& body) {
    const std::string cuts = body.cuts.empty() ? "0" : name("cuts");
    if (!body.cuts.empty()) add(fmt::format("static const int64_t {}[] = {};\n", cuts, braces(body.cuts)));
    what("weft_kernel_step",
         fmt::format("{{&{}, {}, {}, {}}}", kernel_name(body.kernel), cuts, body.cuts.size(), body.elements));
    return "KERNEL";
  }
  std::string operator()(const cpu::MatmulStep& body) {
    const auto matrix = [](const cpu::Matrix& m) {
      return fmt::format("{{{}, {}, {}, {}}}", m.rows, m.columns, m.row_stride, m.column_stride);
    };
    what("weft_matmul_step", fmt::format("{{{}, {}, {}, {}, {}}}", matrix(body.a), matrix(body.b), matrix(body.result),
                                         int(body.bias), c_string(body.activation)));
    return "MATMUL";
  }
  std::string operator()(const cpu::Convolution& body) {
    what("weft_convolution_step",
         convolution_text(body, body.weights_layout, body.bias, body.activation, body.winograd));
    return "CONVOLUTION";
  }
  std::string operator()(const cpu::Im2colStep& body) {
    const cpu::Convolution& c = body.convolution;
    const auto image = [](const std::array<std::int64_t, 4>& dims) {
      return fmt::format("{{{}, {}, {}}}", dims[1], dims[2], dims[3]);
    };
    what("weft_im2col_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {{{}, {}}}, {}, {}, {}, {}, {}, &{}}}", int(c.direction),
                     int(c.channels_last), int(c.bias), c.x[0], body.block, image(c.x), image(c.y), c.groups, c.w[2],
                     c.w[3], braces(c.stride), braces(c.padding), braces(c.dilation), body.weights_bytes,
                     body.columns_bytes, kernel_name(body.kernel)));
    return "IM2COL";
  }
  std::string operator()(const cpu::FillStep& body) {
    fill(body.gaps);
    return "FILL";
  }
  std::string operator()(const cpu::RelayoutStep& body) {
    what("weft_relayout_step",
         fmt::format("{{{}, {}}}", type_text(ir::DType::f32, body.dims), layout_text(body.layout)));
    return "RELAYOUT";
  }
  std::string operator()(const cpu::PoolingStep& body) {
    what("weft_pooling_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}}}", int(body.kind), body.images, body.channels, braces(body.in),
                     braces(body.out), braces(body.kernel), braces(body.stride), braces(body.padding)));
    return "POOLING";
  }
  std::string operator()(const cpu::SimilarityStep& body) {
    std::vector<std::string> kernels;
    for (int i = 0; i < body.kernels; ++i) kernels.push_back("&" + kernel_name(body.first_kernel + i));
    add(fmt::format("static const weft_kernel* const {}[] = {};\n", name("kernels"), braces(kernels)));
    what("weft_similarity_step",
         fmt::format("{{{}, {}, {}, {}, {}}}", int(body.kind), body.rows, body.width, name("kernels"), body.kernels));
    return "SIMILARITY";
  }
  std::string operator()(const cpu::CustomStep&) {
    check(false, "compile_ahead refuses ops without code");
    return "";
  }

 private:
  std::string kernel_name(int index) const { return fmt::format("{}k{}", prefix(), index); }

  void add_kernel(const cpu::KernelFacts& kernel) {
    const std::string finish = kernel.name + "_finish";
    add(fmt::format("WEFT_KERNEL void {}(void* const*, void*, int64_t, int64_t);\n", kernel.name));
    if (kernel.has_finish) add(fmt::format("WEFT_KERNEL void {}(void* const*, void*);\n", finish));
    add(fmt::format("static const weft_kernel {} = {{{}, {}, {}, {}, {}, {:.17g}}};\n", kernel_name(kernels_++),
                    c_string(kernel.name), kernel.name, kernel.has_finish ? finish : "0", kernel.chunks,
                    kernel.scratch_bytes, kernel.work_ns));
  }

  int kernels_ = 0;
};

}  // namespace

std::string program_text(const Artefact& artefact, const CpuProgram& program, const std::string& prefix) {
  return CpuText(artefact, program, prefix).finish();
}

}  // namespace weft::aot
