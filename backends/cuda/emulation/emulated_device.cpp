// Host memory, and shared objects in place of cubins.
#include "backends/cuda/emulation/emulated_device.h"

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <new>

#include "backends/cuda/device/disk_cache.h"
#include "backends/cuda/emulation/emulated_primitive.h"
#include "ir/error.h"
#include "runtime/shell.h"

namespace weft::cuda {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kCacheBytes = std::size_t{256} << 20;

// The entry point at the end of every emulated translation unit (emit.h).
using LaunchEntry = void (*)(const char* function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
                             void** arguments);

struct EmulatedFunction {
  std::string name;
  LaunchEntry entry;
};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class SharedObject final : public Module {
 public:
  explicit SharedObject(const fs::path& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) fail("{}: {}", path.string(), dlerror());
    entry_ = reinterpret_cast<LaunchEntry>(dlsym(handle_, "weft_launch"));
    check(entry_ != nullptr, "an emulated translation unit ends with its table of kernels");
  }
  ~SharedObject() override { dlclose(handle_); }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;

  Function function(const std::string& name) override {
    return &functions_.try_emplace(name, EmulatedFunction{name, entry_}).first->second;
  }

 private:
  void* handle_;
  LaunchEntry entry_ = nullptr;
  std::map<std::string, EmulatedFunction> functions_;
};

class RepeatedWork final : public Recording {
 public:
  explicit RepeatedWork(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

class EmulatedDevice final : public Device {
 public:
  std::string name() const override { return "emulated GPU"; }
  DeviceMemory memory() const override {
    const auto page = std::size_t(sysconf(_SC_PAGESIZE));
    return {page * std::size_t(sysconf(_SC_AVPHYS_PAGES)), page * std::size_t(sysconf(_SC_PHYS_PAGES))};
  }

  void* allocate(std::size_t bytes) override {
    void* memory = ::operator new(bytes, std::align_val_t(kDeviceAlignment), std::nothrow);
    if (!memory) fail("cannot allocate {} bytes of memory: use a smaller batch", bytes);
    std::memset(memory, 0, bytes);
    return memory;
  }
  void release(void* memory) noexcept override { ::operator delete(memory, std::align_val_t(kDeviceAlignment)); }
  void write(void* to, const void* from_host, std::size_t bytes) override { std::memcpy(to, from_host, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void read(void* to_host, const void* from, std::size_t bytes) override { std::memcpy(to_host, from, bytes); }
  void zero(void* to, std::size_t bytes) override { std::memset(to, 0, bytes); }

  void enter() override {}

  std::unique_ptr<Module> load(const std::string& text, std::span<const Code>) override {
    const fs::path header = fs::path(WEFT_SOURCE_DIR) / "backends/cuda/emulation/emulate.h";
    if (!fs::exists(header))
      fail("the backend cuda-emulated needs Weft's source tree, for {}; it is a check for developers", header.string());
    return std::make_unique<SharedObject>(
        cache_.file(text + read_file(header) + kFlags, ".so", [&](const fs::path& to) { compile(text, to); }));
  }

  void launch(Function function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
              void** arguments) override {
    const auto& emulated = *static_cast<const EmulatedFunction*>(function);
    emulated.entry(emulated.name.c_str(), blocks, threads, shared_bytes, arguments);
  }
  std::unique_ptr<Primitive> make(const Matmul& matmul) override { return emulate(matmul); }
  std::unique_ptr<Primitive> make(const Convolution& convolution) override { return emulate(convolution); }

  std::unique_ptr<Recording> record(const std::string&, const std::function<void()>& work) override {
    return std::make_unique<RepeatedWork>(work);
  }
  double seconds(const std::function<void()>& work) override {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  void synchronise() override {}

 private:
  static constexpr const char* kFlags =
      "-std=c++20 -O1 -shared -fPIC -w -fno-strict-aliasing -fwrapv -ffp-contract=off -DWEFT_EMULATE "
      "-I" WEFT_SOURCE_DIR;

  static void compile(const std::string& text, const fs::path& object) {
    const fs::path source = fs::path(object).replace_extension(".cpp"),
                   log = fs::path(object).replace_extension(".log");
    std::ofstream(source) << text;
    const std::string command =
        fmt::format("c++ {} '{}' -o '{}' >'{}' 2>&1", kFlags, source.string(), object.string(), log.string());
    if (!runtime::run_shell(command))
      fail("the backend cuda-emulated could not compile its kernels; is a C++ compiler `c++` installed? {}\n{}",
           command, read_file(log).substr(0, 4000));
    fs::remove(source);
    fs::remove(log);
  }

  DiskCache cache_{"emulated", kCacheBytes};
};

}  // namespace

std::shared_ptr<Device> make_emulated_device() { return std::make_shared<EmulatedDevice>(); }

}  // namespace weft::cuda
