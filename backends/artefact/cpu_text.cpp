// Programs of the backend cpu: kernels of the object file, calls of the library.
#include <variant>

#include "backends/artefact/program_text.h"
#include "ir/error.h"

namespace weft::artefact {

namespace {

class CpuText final : public ProgramText {
 public:
  CpuText(const Artefact& artefact, const cpu::AheadProgram& program, const std::string& prefix)
      : ProgramText(artefact, *program.graph, prefix) {
    for (const cpu::KernelFacts& kernel : program.kernels) add_kernel(kernel);
    for (const cpu::Step& step : program.recipe->steps()) add_step(std::visit(*this, step.work), step);
  }

  // The struct of a step's kind, and the name of that.
  std::string operator()(const cpu::KernelWork& work) {
    const std::string cuts = work.cuts.empty() ? "0" : name("cuts");
    if (!work.cuts.empty()) add(fmt::format("static const int64_t {}[] = {};\n", cuts, braces(work.cuts)));
    what("weft_kernel_step",
         fmt::format("{{&{}, {}, {}, {}}}", kernel_name(work.kernel), cuts, work.cuts.size(), work.elements));
    return "KERNEL";
  }
  std::string operator()(const cpu::MatmulWork& work) {
    const auto matrix = [](const cpu::Matrix& m) {
      return fmt::format("{{{}, {}, {}, {}}}", m.rows, m.columns, m.row_stride, m.column_stride);
    };
    what("weft_matmul_step", fmt::format("{{{}, {}, {}, {}, {}}}", matrix(work.a), matrix(work.b), matrix(work.result),
                                         int(work.bias), quoted(work.activation)));
    return "MATMUL";
  }
  std::string operator()(const cpu::Convolution& work) {
    what("weft_convolution_step",
         convolution_text(work, work.weights_layout, work.bias, work.activation, work.winograd));
    return "CONVOLUTION";
  }
  std::string operator()(const cpu::ColumnsWork& work) {
    const cpu::Convolution& c = work.convolution;
    const auto image = [](const std::array<std::int64_t, 4>& dims) {
      return fmt::format("{{{}, {}, {}}}", dims[1], dims[2], dims[3]);
    };
    what("weft_columns_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {{{}, {}}}, {}, {}, {}, {}, {}, &{}}}", int(c.direction),
                     int(c.channels_last), int(c.bias), c.x[0], work.block, image(c.x), image(c.y), c.groups, c.w[2],
                     c.w[3], braces(c.stride), braces(c.padding), braces(c.dilation), work.weights_bytes,
                     work.columns_bytes, kernel_name(work.kernel)));
    return "COLUMNS";
  }
  std::string operator()(const cpu::FillWork& work) {
    fill(work.gaps);
    return "FILL";
  }
  std::string operator()(const cpu::RelayWork& work) {
    what("weft_relay_step", fmt::format("{{{}, {}}}", type_text(ir::DType::f32, work.dims), layout_text(work.layout)));
    return "RELAY";
  }
  std::string operator()(const cpu::PoolingWork& work) {
    what("weft_pooling_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}}}", int(work.kind), work.images, work.channels, braces(work.in),
                     braces(work.out), braces(work.kernel), braces(work.stride), braces(work.padding)));
    return "POOLING";
  }
  std::string operator()(const cpu::SimilarityWork& work) {
    std::vector<std::string> kernels;
    for (int i = 0; i < work.kernels; ++i) kernels.push_back("&" + kernel_name(work.first_kernel + i));
    add(fmt::format("static const weft_kernel* const {}[] = {};\n", name("kernels"), braces(kernels)));
    what("weft_similarity_step",
         fmt::format("{{{}, {}, {}, {}, {}}}", int(work.kind), work.rows, work.width, name("kernels"), work.kernels));
    return "SIMILARITY";
  }
  std::string operator()(const cpu::OtherWork&) {
    check(false, "compile_ahead refuses what has no code");
    return "";
  }

 private:
  std::string kernel_name(int index) const { return fmt::format("{}k{}", prefix(), index); }

  void add_kernel(const cpu::KernelFacts& kernel) {
    const std::string finish = kernel.name + "_finish";
    add(fmt::format("WEFT_KERNEL void {}(void* const*, void*, int64_t, int64_t);\n", kernel.name));
    if (kernel.has_finish) add(fmt::format("WEFT_KERNEL void {}(void* const*, void*);\n", finish));
    add(fmt::format("static const weft_kernel {} = {{{}, {}, {}, {}, {}, {:.17g}}};\n", kernel_name(kernels_++),
                    quoted(kernel.name), kernel.name, kernel.has_finish ? finish : "0", kernel.chunks,
                    kernel.scratch_bytes, kernel.work_ns));
  }

  int kernels_ = 0;
};

}  // namespace

std::string program_text(const Artefact& artefact, const cpu::AheadProgram& program, const std::string& prefix) {
  return CpuText(artefact, program, prefix).finish();
}

}  // namespace weft::artefact
