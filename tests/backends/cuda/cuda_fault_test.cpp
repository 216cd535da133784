// Errors of a device that refuses something, or at which work fails that was asked for before.
#include <doctest/doctest.h>

#include "backends/cuda/emulation/emulated_device.h"
#include "backends/cuda/program/program.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "tests/backends/cuda/cuda_run.h"

using namespace weft;
using doctest::Contains;

namespace {

// The host playing a GPU that fails where it is told to.
class FaultyDevice final : public cuda::Device {
 public:
  bool has_memory = true, records = true, replays = true;
  int launches_left = 1 << 20;  // the next one is refused
  int waits_left = 1 << 20;     // at the next one a fault comes to light

  std::string name() const override { return "faulty GPU"; }
  cuda::DeviceMemory memory() const override { return host_->memory(); }
  void* allocate(std::size_t bytes) override {
    if (!has_memory) fail("no memory");
    return host_->allocate(bytes);
  }
  void release(void* memory) noexcept override { host_->release(memory); }
  void write(void* to, const void* from, std::size_t bytes) override { host_->write(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { host_->copy(to, from, bytes); }
  void read(void* to, const void* from, std::size_t bytes) override { host_->read(to, from, bytes); }
  void zero(void* to, std::size_t bytes) override { host_->zero(to, bytes); }
  void enter() override {}
  std::unique_ptr<cuda::Module> load(const std::string& text, std::span<const cuda::Code> codes) override {
    return host_->load(text, codes);
  }
  void launch(cuda::Function function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
              void** arguments) override {
    if (launches_left-- == 0) fail("invalid argument");
    host_->launch(function, blocks, threads, shared_bytes, arguments);
  }
  std::unique_ptr<cuda::Primitive> make(const cuda::Matmul& product) override { return host_->make(product); }
  std::unique_ptr<cuda::Primitive> make(const cuda::Convolution& convolution) override {
    return host_->make(convolution);
  }
  std::unique_ptr<cuda::Recording> record(const std::string& what, const std::function<void()>& work) override {
    if (!records) fail("out of memory");
    return std::make_unique<Replay>(host_->record(what, work), *this);
  }
  double seconds(const std::function<void()>& work) override { return host_->seconds(work); }
  void synchronise() override {
    if (waits_left-- == 0) fail("an illegal memory access was encountered");
  }

 private:
  struct Replay final : cuda::Recording {
    Replay(std::unique_ptr<cuda::Recording> recorded, const FaultyDevice& on)
        : recording(std::move(recorded)), device(on) {}
    void replay() override {
      if (!device.replays) fail("launch failed");
      recording->replay();
    }
    std::unique_ptr<cuda::Recording> recording;
    const FaultyDevice& device;
  };

  std::shared_ptr<cuda::Device> host_ = cuda::make_emulated_device();
};

// y = x w at line 3, z = exp(y) at line 5: two items.
ir::GraphPtr two_items() {
  ir::Builder builder("two");
  const ir::ValueId x = builder.input("x", ir::f32({4, 8})), w = builder.input("w", ir::f32({8, 2}));
  builder.set_where({"net", "model.cpp", 3});
  const ir::ValueId y = builder.create(ir::OpCode::matmul, {x, w});
  builder.set_where({"net", "model.cpp", 5});
  builder.output("z", builder.create(ir::OpCode::exp, {y}));
  CompileOptions options;
  options.backend = "cuda-emulated";
  return lowered(std::make_shared<const ir::Graph>(builder.take()), options);
}

std::unique_ptr<runtime::Program> program_on(const std::shared_ptr<FaultyDevice>& device) {
  CompileReport report;
  return cuda::make_program(two_items(), device, cuda::memory_of(device), false, report);
}

}  // namespace

TEST_CASE("a failed allocation: the entry, its bytes, and what takes most of them") {
  const auto device = std::make_shared<FaultyDevice>();
  device->has_memory = false;
  CHECK_THROWS_WITH_AS(program_on(device), Contains("@two needs "), Error);
  CHECK_THROWS_WITH_AS(
      program_on(device),
      Contains("bytes on the device: no memory; its largest value takes 64 bytes, of model.cpp:3 (net): matmul"),
      Error);
}

TEST_CASE("a launch that is refused names its op, line, type and bytes") {
  const auto device = std::make_shared<FaultyDevice>();
  const auto program = program_on(device);
  device->launches_left = 0;
  CHECK_THROWS_WITH_AS(program->run(), Contains("model.cpp:5 (net): fused -> f32[4,2], 64 bytes: "), Error);
  device->launches_left = 1 << 20;
  program->run();  // a refusal leaves the device as it was
}

TEST_CASE("a fault that comes to light while the first run waits is that of the item waited for") {
  for (const bool second : {false, true}) {
    const auto device = std::make_shared<FaultyDevice>();
    const auto program = program_on(device);
    device->waits_left = second ? 1 : 0;
    CHECK_THROWS_WITH_AS(
        program->run(),
        Contains(second ? "model.cpp:5 (net): fused -> f32[4,2]" : "model.cpp:3 (net): matmul -> f32[4,2]"), Error);
  }
}

TEST_CASE("a step that can not be recorded, or started as one, names its entry and bytes") {
  const auto device = std::make_shared<FaultyDevice>();
  const auto program = program_on(device);
  program->run();
  device->records = false;
  CHECK_THROWS_WITH_AS(program->run(),
                       Contains("@two, 2 steps over 64 bytes of the device, failed to record: out of memory"), Error);
  device->records = true;
  device->replays = false;
  CHECK_THROWS_WITH_AS(program->run(),
                       Contains("@two, 2 steps over 64 bytes of the device, failed to run: launch failed"), Error);
  device->replays = true;
  program->run();
}
