// The device over CUDA's driver: one stream, memory, modules, and the step as a graph.
#include "backends/cuda/device/driver.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "backends/cuda/device/disk_cache.h"
#include "backends/cuda/device/driver_api.h"
#include "backends/cuda/device/driver_primitive.h"
#include "backends/cuda/device/nvrtc.h"
#include "ir/error.h"

namespace weft::cuda {

namespace {

constexpr std::size_t kCacheBytes = std::size_t{256} << 20;
constexpr std::size_t kPlainShared = std::size_t{48} << 10;  // available to a kernel without opting in

std::string bytes_text(std::size_t bytes) { return fmt::format("{:.2f} GB", double(bytes) / 1e9); }

class CudaModule final : public Module {
 public:
  explicit CudaModule(const void* cubin) {
    must(apis().cuModuleLoadData(&handle_, cubin), "loading generated kernels");
  }
  ~CudaModule() override { apis().cuModuleUnload(handle_); }
  CudaModule(const CudaModule&) = delete;
  CudaModule& operator=(const CudaModule&) = delete;

  Function function(const std::string& name) override {
    CUfunction function = nullptr;
    must(apis().cuModuleGetFunction(&function, handle_, name.c_str()), "finding the kernel " + name);
    return function;
  }

 private:
  CUmodule handle_ = nullptr;
};

class CudaGraph final : public Recording {
 public:
  // `running`: a replay stores `what` there.
  CudaGraph(CUgraph graph, CUstream stream, std::string what, std::string& running)
      : stream_(stream), what_(std::move(what)), running_(running) {
    const CUresult result = apis().cuGraphInstantiate(&executable_, graph, 0);
    apis().cuGraphDestroy(graph);
    must(result, "making one graph of the step");
  }
  ~CudaGraph() override { apis().cuGraphExecDestroy(executable_); }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void replay() override {
    must(apis().cuGraphLaunch(executable_, stream_), "starting the step");
    running_ = what_;
  }

 private:
  CUstream stream_;
  std::string what_;
  std::string& running_;
  CUgraphExec executable_ = nullptr;
};

class Gpu final : public Device {
 public:
  explicit Gpu(CUdevice device) : device_(device) {
    must(apis().cuDevicePrimaryCtxRetain(&context_, device_), "opening the GPU");
    must(apis().cuCtxSetCurrent(context_), "opening the GPU");
    must(apis().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "opening the GPU");
    must(apis().cublasLtCreate(&cublaslt_), "opening cuBLASLt");
    must(apis().cudnnCreate(&cudnn_), "opening cuDNN");
    must(apis().cudnnSetStream(cudnn_, stream_), "opening cuDNN");
    architecture_ = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 +
                    attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  }

  std::string name() const override {
    char text[256] = "";
    must(apis().cuDeviceGetName(text, sizeof text, device_), "reading the GPU's name");
    return text;
  }

  DeviceMemory memory() const override {
    DeviceMemory memory;
    must(apis().cuMemGetInfo(&memory.free, &memory.total), "reading the GPU's memory");
    return memory;
  }

  void* allocate(std::size_t bytes) override {
    CUdeviceptr memory = 0;
    bytes = std::max<std::size_t>(bytes, 4);
    const CUresult result = apis().cuMemAlloc(&memory, bytes);
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      const DeviceMemory now = this->memory();
      fail("{} ({} bytes) requested on {}, which has {} of which {} are free", bytes_text(bytes), bytes, name(),
           bytes_text(now.total), bytes_text(now.free));
    }
    must(result, fmt::format("allocating {} bytes", bytes));
    must(apis().cuMemsetD8Async(memory, 0, bytes, stream_), fmt::format("clearing {} bytes", bytes));
    return reinterpret_cast<void*>(memory);
  }
  void release(void* memory) noexcept override {
    apis().cuStreamSynchronize(stream_);  // pending work may still use it
    apis().cuMemFree(address(memory));
  }

  // Copies from host memory that the caller may change at once. Small blocks go through page-locked memory, so that
  // nothing waits; the driver does not specify how long it reads other memory.
  void write(void* to, const void* from_host, std::size_t bytes) override {
    if (bytes == 0) return;
    const bool is_small = bytes <= kCopiedAside;
    must(apis().cuMemcpyHtoDAsync(address(to), is_small ? aside(from_host, bytes) : from_host, bytes, stream_),
         fmt::format("copying {} bytes to the GPU", bytes));
    if (!is_small) synchronise();
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    if (bytes == 0) return;
    must(apis().cuMemcpyDtoDAsync(address(to), address(from), bytes, stream_), fmt::format("copying {} bytes", bytes));
  }
  void read(void* to_host, const void* from, std::size_t bytes) override {
    if (bytes > 0)
      must(apis().cuMemcpyDtoHAsync(to_host, address(from), bytes, stream_),
           fmt::format("copying {} bytes from the GPU", bytes));
    synchronise();
  }
  void zero(void* to, std::size_t bytes) override {
    must(apis().cuMemsetD32Async(address(to), 0, bytes / 4, stream_), fmt::format("clearing {} bytes", bytes));
  }

  void enter() override { must(apis().cuCtxSetCurrent(context_), "going to the GPU"); }

  std::unique_ptr<Module> load(const std::string& text, std::span<const Code> codes) override {
    for (const Code& code : codes)
      if (runs(code.architecture)) return std::make_unique<CudaModule>(code.bytes);
    if (!Nvrtc::find())
      fail("{} is sm_{}: the program holds no machine code for it, and NVRTC is missing: {}", name(), architecture_,
           Nvrtc::missing());
    return std::make_unique<CudaModule>(compiled(text).data());
  }

  void launch(Function function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
              void** arguments) override {
    auto* const kernel = static_cast<CUfunction>(const_cast<void*>(function));
    if (shared_bytes > kPlainShared)
      must(apis().cuFuncSetAttribute(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(shared_bytes)),
           fmt::format("{} bytes of shared memory", shared_bytes));
    must(
        apis().cuLaunchKernel(kernel, blocks, 1, 1, threads, 1, 1, unsigned(shared_bytes), stream_, arguments, nullptr),
        fmt::format("starting {} blocks of {} threads with {} bytes of shared memory", blocks, threads, shared_bytes));
  }

  std::unique_ptr<Primitive> make(const Matmul& matmul) override {
    need_tensor_cores(matmul.dtype, matmul.tf32 != 0);
    return make_matmul(cublaslt_, stream_, matmul);
  }
  std::unique_ptr<Primitive> make(const Convolution& convolution) override {
    need_tensor_cores(convolution.dtype, convolution.tf32 != 0);
    return make_convolution(cudnn_, convolution);
  }

  // Relaxed: libraries may load code during the recording.
  std::unique_ptr<Recording> record(const std::string& what, const std::function<void()>& work) override {
    must(apis().cuStreamBeginCapture(stream_, CU_STREAM_CAPTURE_MODE_RELAXED), "recording the step");
    CUgraph graph = nullptr;
    try {
      work();
    } catch (...) {
      if (apis().cuStreamEndCapture(stream_, &graph) == CUDA_SUCCESS && graph) apis().cuGraphDestroy(graph);
      throw;
    }
    must(apis().cuStreamEndCapture(stream_, &graph), "recording the step");
    return std::make_unique<CudaGraph>(graph, stream_, what, running_);
  }

  double seconds(const std::function<void()>& work) override {
    const Event start, end;
    spin();
    must(apis().cuEventRecord(start.handle, stream_), "timing");
    work();
    must(apis().cuEventRecord(end.handle, stream_), "timing");
    must(apis().cuEventSynchronize(end.handle), "a kernel");
    float milliseconds = 0;
    must(apis().cuEventElapsedTime(&milliseconds, start.handle, end.handle), "timing");
    return double(milliseconds) / 1e3;
  }

  // A fault invalidates the context: this process cannot run the step again to find the thunk at fault.
  void synchronise() override {
    const CUresult result = apis().cuStreamSynchronize(stream_);
    must(result,
         result == CUDA_SUCCESS || running_.empty()
             ? "the work of the GPU"
             : fmt::format("after {} was started (`weft bench MODEL --backend cuda --kernels` runs thunks one by "
                           "one and names the one at fault)",
                           running_));
  }

  int attribute(CUdevice_attribute which) const {
    int value = 0;
    must(apis().cuDeviceGetAttribute(&value, which, device_), "what the GPU can do");
    return value;
  }

 private:
  // Machine code runs on later architectures of the same generation: sm_80 on sm_86, not on sm_90.
  bool runs(const std::string& architecture) const {
    const int of_code = std::atoi(architecture.c_str() + std::string_view("sm_").size());
    return of_code / 10 == architecture_ / 10 && of_code <= architecture_;
  }

  // Keeps the GPU busy while the work to time is enqueued, so that the measurement excludes the host.
  void spin() {
    if (!spin_) {
      static constexpr const char* text =
          "extern \"C\" __global__ void spin(long long cycles) {\n"
          "  for (const long long start = clock64(); clock64() - start < cycles;);\n"
          "}\n";
      spin_ = load(text, {}).release()->function("spin");  // kept for the life of the process
    }
    long long cycles = 40000;  // about 20 microseconds
    void* arguments[] = {&cycles};
    launch(spin_, 1, 1, 0, arguments);
  }

  // Created only here: an artefact with machine code needs no writable folder.
  std::string compiled(const std::string& text) {
    const DiskCache cache("cubin", kCacheBytes);
    const Nvrtc& nvrtc = *Nvrtc::find();
    const std::string architecture = fmt::format("sm_{}", architecture_);
    const std::string key = fmt::format("{} nvrtc {}\n{}", architecture, nvrtc.version(), text);
    const auto path = cache.file(key, ".cubin", [&](const std::filesystem::path& to) {
      const std::vector<char> cubin = nvrtc.compile(text, "weft", architecture);
      std::ofstream file(to, std::ios::binary);
      file.write(cubin.data(), std::streamsize(cubin.size()));
      file.close();
      if (!file) fail("{}: cannot write machine code of kernels there", to.string());
    });
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  // A copy of the block that lasts until all work enqueued so far has finished.
  const void* aside(const void* from, std::size_t bytes) {
    if (!aside_) {
      void* memory = nullptr;
      must(apis().cuMemHostAlloc(&memory, kAside, 0), fmt::format("{} bytes of page-locked memory", kAside));
      aside_ = static_cast<std::byte*>(memory);
    }
    if (aside_used_ + bytes > kAside) {
      synchronise();
      aside_used_ = 0;
    }
    std::byte* const place = aside_ + aside_used_;
    std::memcpy(place, from, bytes);
    aside_used_ += aligned(bytes);
    return place;
  }

  static constexpr std::size_t kCopiedAside = std::size_t{64} << 10;  // bytes
  static constexpr std::size_t kAside = std::size_t{4} << 20;         // bytes: some thousands of steps

  struct Event {
    Event() { must(apis().cuEventCreate(&handle, CU_EVENT_DEFAULT), "timing"); }
    ~Event() { apis().cuEventDestroy(handle); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    CUevent handle = nullptr;
  };

  static CUdeviceptr address(const void* memory) { return reinterpret_cast<CUdeviceptr>(memory); }

  // On older GPUs the libraries silently compute in f32, or refuse without a reason.
  void need_tensor_cores(weft_dtype dtype, bool tf32) const {
    constexpr int first = 80;
    const std::string suffix = precision_suffix(dtype, tf32);
    if (!suffix.empty() && architecture_ < first)
      fail("{} (sm_{}) has no {}, which GPUs from sm_{} on have: leave --precision out", name(), architecture_,
           suffix.substr(1), first);
  }

  // Context, stream and handles last as long as the process; the driver destroys them with it.
  CUdevice device_;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  cublasLtHandle_t cublaslt_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
  int architecture_ = 0;
  std::string running_;  // the last replayed recording
  Function spin_ = nullptr;
  std::byte* aside_ = nullptr;  // page-locked; pending work may still read the part used since the last wait
  std::size_t aside_used_ = 0;
};

constexpr const char* kNvrtc = "NVRTC";

Finding find_nvrtc() {
  Finding finding{kNvrtc, false, "", "install the CUDA toolkit, or put its libraries on LD_LIBRARY_PATH"};
  const Nvrtc* nvrtc = Nvrtc::find();
  finding.found = nvrtc != nullptr;
  finding.text = nvrtc ? fmt::format("{} ({})", nvrtc->version(), nvrtc->path()) : Nvrtc::missing();
  return finding;
}

// The first device, or why there is none.
Finding find_device(CUdevice& device) {
  Finding finding{"GPU", false, "", "check `nvidia-smi`; in a container, start it with the GPU"};
  if (!apis().driver.found) return finding.text = "no driver", finding;
  int count = 0;
  if (const CUresult result = apis().cuInit(0); result != CUDA_SUCCESS) {
    const char* text = nullptr;
    apis().cuGetErrorString(result, &text);
    finding.text = text ? text : "the driver does not start";
  } else if (apis().cuDeviceGetCount(&count) != CUDA_SUCCESS || count == 0) {
    finding.text = "the driver finds none";
  } else if (apis().cuDeviceGet(&device, 0) == CUDA_SUCCESS) {
    char name[256] = "";
    std::size_t bytes = 0;
    apis().cuDeviceGetName(name, sizeof name, device);
    apis().cuDeviceTotalMem(&bytes, device);
    finding.found = true;
    finding.text = fmt::format("{}, {}", name, bytes_text(bytes));
  }
  return finding;
}

}  // namespace

std::vector<Finding> find_cuda() {
  CUdevice device = 0;
  return {apis().driver, find_nvrtc(), apis().cublaslt, apis().cudnn, find_device(device)};
}

std::shared_ptr<Device> open_gpu(bool compiles) {
  static std::shared_ptr<Device> opened;
  if (opened) return opened;
  std::string missing;
  for (const Finding& finding : find_cuda())
    if (!finding.found && (compiles || finding.what != kNvrtc))
      missing += fmt::format("\n  {}: {}; {}", finding.what, finding.text, finding.advice);
  if (!missing.empty())
    fail("the backend cuda cannot be used on this machine (`weft doctor` says more):{}\nuse another --backend",
         missing);
  CUdevice device = 0;
  find_device(device);
  opened = std::make_shared<Gpu>(device);
  return opened;
}

}  // namespace weft::cuda
