// Machines that code is emitted for: what it may use, whether a cpu has that, and objects for another architecture.
#include <doctest/doctest.h>
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/matmul.h"
#include "backends/reference/reference.h"
#include "bench/vae_kernels.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "runtime/artefact/cpu.c"
#include "tests/support/strided_view.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using cpu::MachineTarget;
using reference::Tensor;

kernel::Kernel lowered(const bench::VaeKernel& each) {
  return kernel::lower(each.body, std::vector<kernel::Strides>(each.body.inputs.size()),
                       std::vector<kernel::Strides>(each.body.outputs.size()), each.name);
}

// All kernels of a VAE's step, and its first product.
cpu::EmittedModule emitted(const MachineTarget& target) {
  cpu::EmittedModule module(target);
  for (const bench::VaeKernel& each : bench::VaeKernels(16).all()) module.add(lowered(each));
  module.add(cpu::Matmul{"hidden", {16, 784, 784, 1}, {784, 400, 400, 1}, {16, 400, 400, 1}, true, "relu"});
  module.optimise();
  return module;
}

Elf64_Ehdr header_of(const std::vector<char>& object) {
  Elf64_Ehdr header{};
  REQUIRE(object.size() > sizeof header);
  std::memcpy(&header, object.data(), sizeof header);
  REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
  return header;
}

bool has(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

TEST_CASE("targets are a cpu and a triple") {
  CHECK(cpu::find_target("x86-64-v3").triple.starts_with("x86_64-"));
  CHECK(cpu::find_target("x86-64-v3", "x86_64-linux-gnu").triple == "x86_64-unknown-linux-gnu");
  const MachineTarget arm = cpu::find_target("native", "aarch64-linux-gnu");
  CHECK(arm.triple == "aarch64-unknown-linux-gnu");
  CHECK(arm.cpu == "generic");
  CHECK(arm.vector_width == 4);
  CHECK(cpu::required_features(arm).empty());
  CHECK_ERROR(cpu::find_target("native", "riscv64-linux-gnu"),
              "unknown target \"riscv64-linux-gnu\": use x86_64-linux-gnu or aarch64-linux-gnu");
  CHECK_ERROR(cpu::find_target("native", "aarch64-apple-darwin"), "unknown target");
  CHECK_ERROR(cpu::find_target("cortex-a76", "aarch64-linux-gnu"), "supports only \"generic\"");
}

TEST_CASE("a cpu's check knows every feature that code for it may use") {
  for (const char* cpu :
       {"native", "haswell", "skylake-avx512", "cascadelake", "cooperlake", "icelake-server", "sapphirerapids",
        "graniterapids", "alderlake", "bdver4", "znver1", "znver4", "znver5", "x86-64-v3", "x86-64-v4"}) {
    CAPTURE(std::string(cpu));
    const std::vector<std::string> features = cpu::required_features(cpu::find_target(cpu));
    CHECK(has(features, "avx2"));
    for (const std::string& each : features) {
      CAPTURE(each);
      CHECK(weft_find_feature(each.c_str()) != nullptr);
    }
  }
  MachineTarget apx = cpu::find_target("x86-64-v3");
  apx.features = "+egpr,+push2pop2,+ppx,+ndd,+ccmp,-avx2";
  const std::vector<std::string> features = cpu::required_features(apx);
  CHECK(features.size() == 5);
  for (const std::string& each : features) CHECK(weft_find_feature(each.c_str()) != nullptr);
}

TEST_CASE("this machine has what code for it uses, and not what no machine has") {
  std::vector<const char*> names;
  const std::vector<std::string> features = cpu::required_features(cpu::find_target("native"));
  for (const std::string& each : features) names.push_back(each.c_str());
  names.push_back(nullptr);
  CHECK(weft_missing_feature(names.data()) == nullptr);
  const char* const unknown[] = {"avx2", "avx9000", nullptr};
  CHECK(std::string(weft_missing_feature(unknown)) == "avx9000");
  const char* const both[] = {"fma4", "egpr", nullptr};  // AMD's of 2011 and Intel's of 2025
  CHECK(weft_missing_feature(both) != nullptr);
}

TEST_CASE("code for a named cpu uses nothing beyond it") {
  const std::string v3 = emitted(cpu::find_target("x86-64-v3")).assembly();
  CHECK(v3.find("ymm") != std::string::npos);
  for (const char* beyond : {"zmm", "%k1", "%ymm16", "%xmm16"}) CHECK(v3.find(beyond) == std::string::npos);
  CHECK(emitted(cpu::find_target("x86-64-v4")).assembly().find("zmm") != std::string::npos);
}

TEST_CASE("objects are of the machine they are for") {
  CHECK(header_of(emitted(cpu::find_target("x86-64-v3")).object(true)).e_machine == EM_X86_64);
  CHECK(header_of(emitted(cpu::find_target("native", "aarch64-linux-gnu")).object(true)).e_machine == EM_AARCH64);
}

namespace {

// A C program that reads the inputs of kernels one after the other, runs them, and writes their outputs.
std::string program_of(const std::vector<cpu::KernelFacts>& facts, const std::vector<std::vector<std::size_t>>& bytes,
                       const std::vector<std::size_t>& inputs) {
  std::string text =
      "#include <stdio.h>\n#include <stdlib.h>\n"
      "static void* take(size_t bytes) { return aligned_alloc(64, (bytes / 64 + 1) * 64); }\n";
  for (const cpu::KernelFacts& each : facts)
    text += fmt::format("void {0}(void**, void*, long, long); void {0}_finish(void**, void*);\n", each.name);
  text += "int main(void) {\n";
  for (std::size_t i = 0; i < facts.size(); ++i) {
    text += fmt::format("  {{\n    void* buffers[{}];\n    void* scratch = take({});\n", bytes[i].size(),
                        facts[i].scratch_bytes);
    for (std::size_t j = 0; j < bytes[i].size(); ++j) {
      text += fmt::format("    buffers[{}] = take({});\n", j, bytes[i][j]);
      if (j < inputs[i]) text += fmt::format("    if (!fread(buffers[{}], {}, 1, stdin)) return 1;\n", j, bytes[i][j]);
    }
    text += fmt::format("    {}(buffers, scratch, 0, {});\n", facts[i].name, facts[i].chunks);
    if (facts[i].has_finish) text += fmt::format("    {}_finish(buffers, scratch);\n", facts[i].name);
    for (std::size_t j = inputs[i]; j < bytes[i].size(); ++j)
      text += fmt::format("    fwrite(buffers[{}], {}, 1, stdout);\n", j, bytes[i][j]);
    text += "  }\n";
  }
  return text + "  return 0;\n}\n";
}

// One kernel, and the tensors it is run on.
struct StepBody {
  ir::Graph body;
  std::vector<Tensor> inputs;
};

ir::Graph matmul_body() {
  ir::Builder builder("hidden");
  const auto x = builder.input("x", ir::f32({16, 784})), w = builder.input("w", ir::f32({784, 400})),
             bias = builder.input("bias", ir::f32({400}));
  const auto sums = builder.create(ir::OpCode::matmul, {x, w});
  builder.output("y", builder.create(ir::OpCode::relu, {builder.create(ir::OpCode::add, {sums, bias})}));
  return builder.take();
}

}  // namespace

TEST_CASE("code for aarch64 links, and gives the numbers of the reference") {
  if (std::system("command -v qemu-aarch64 > /dev/null && command -v aarch64-linux-gnu-gcc > /dev/null") != 0) {
    MESSAGE("skipped: needs qemu-aarch64 and aarch64-linux-gnu-gcc (Debian: qemu-user, gcc-aarch64-linux-gnu)");
    return;
  }
  std::mt19937 random(3);
  std::vector<StepBody> all;
  for (const bench::VaeKernel& each : bench::VaeKernels(16).all())
    all.push_back({each.body, test::random_inputs(random, each)});
  all.push_back({matmul_body(), {}});
  all.back().inputs = test::random_inputs(random, all.back().body);

  cpu::EmittedModule module = emitted(cpu::find_target("native", "aarch64-linux-gnu"));
  const test::TempFolder folder;
  const std::vector<char> object = module.object(true);
  folder.write("kernels.o", {object.data(), object.size()});
  std::string input;
  std::vector<std::vector<std::size_t>> bytes;
  std::vector<std::size_t> inputs;
  for (const StepBody& each : all) {
    bytes.emplace_back();
    inputs.push_back(each.inputs.size());
    for (const Tensor& tensor : each.inputs) {
      bytes.back().push_back(tensor.type.bytes());
      const std::size_t at = input.size();
      input.resize(at + tensor.type.bytes());
      reference::to_bytes(tensor, input.data() + at);
    }
    for (const ir::Output& output : each.body.outputs) bytes.back().push_back(each.body.type(output.value).bytes());
  }
  folder.write("in", input);
  folder.write("main.c", program_of(module.facts(), bytes, inputs));
  const std::string command =
      fmt::format("cd {} && aarch64-linux-gnu-gcc -static main.c kernels.o -o main && qemu-aarch64 ./main < in > out",
                  folder.path().string());
  REQUIRE(std::system(command.c_str()) == 0);

  std::ifstream file(folder / "out", std::ios::binary);
  const std::string out((std::istreambuf_iterator<char>(file)), {});
  std::size_t at = 0;
  for (const StepBody& each : all) {
    const std::vector<Tensor> want = reference::run<float>(each.body, each.inputs);
    for (const Tensor& tensor : want) {
      CAPTURE(each.body.name);
      REQUIRE(at + tensor.type.bytes() <= out.size());
      const Tensor got = reference::from_bytes(tensor.type, out.data() + at);
      CHECK(test::error_of(got, tensor, 16 * 784) <= 1);
      at += tensor.type.bytes();
    }
  }
  CHECK(at == out.size());
}

}  // namespace weft
