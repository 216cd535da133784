// Finding, opening and calling libnvrtc.
#include "backends/cuda/device/nvrtc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "ir/error.h"

namespace weft::cuda {

namespace {

std::string& tried() {
  static std::string text;
  return text;
}

std::vector<std::string> places() {
  std::vector<std::string> folders = {""};
  if (const char* home = std::getenv("CUDA_HOME")) folders.push_back(std::string(home) + "/lib64/");
  folders.emplace_back("/usr/local/cuda/lib64/");
  std::vector<std::string> result;
  for (const std::string& folder : folders)
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"}) result.push_back(folder + name);
  return result;
}

template <typename Function>
void take(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) fail("libnvrtc has no function {}: Weft supports versions 12 and 13", name);
}

}  // namespace

Nvrtc::Nvrtc(void* library, std::string path) : path_(std::move(path)) {
  take(library, "nvrtcVersion", version_);
  take(library, "nvrtcCreateProgram", create_);
  take(library, "nvrtcDestroyProgram", destroy_);
  take(library, "nvrtcCompileProgram", compile_);
  take(library, "nvrtcGetProgramLogSize", log_size_);
  take(library, "nvrtcGetProgramLog", log_);
  take(library, "nvrtcGetCUBINSize", cubin_size_);
  take(library, "nvrtcGetCUBIN", cubin_);
  take(library, "nvrtcGetErrorString", error_);
}

const Nvrtc* Nvrtc::find() {
  static const std::unique_ptr<Nvrtc> found = []() -> std::unique_ptr<Nvrtc> {
    for (const std::string& place : places()) {
      if (void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL))
        return std::unique_ptr<Nvrtc>(new Nvrtc(library, place));
      tried() += (tried().empty() ? "NVRTC was not found; tried " : ", ") + place;
    }
    return nullptr;
  }();
  return found.get();
}

const std::string& Nvrtc::missing() {
  find();
  return tried();
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  version_(&major, &minor);
  return fmt::format("{}.{}", major, minor);
}

std::string Nvrtc::log(Program program) const {
  std::size_t size = 0;
  if (log_size_(program, &size) != 0 || size == 0) return "";
  std::string text(size, '\0');
  log_(program, text.data());
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::vector<char> Nvrtc::compile(const std::string& source, const std::string& name, const std::string& arch) const {
  const auto succeed = [&](int status, const std::string& words) {
    if (status != 0) fail("NVRTC {}: {} for {}: {}\n{}", version(), name, arch, error_(status), words);
  };
  Program program = nullptr;
  succeed(create_(&program, source.c_str(), (name + ".cu").c_str(), 0, nullptr, nullptr), "");
  const auto destroy = [this](Program* each) { destroy_(each); };
  const std::unique_ptr<Program, decltype(destroy)> owner(&program, destroy);
  const std::string target = "--gpu-architecture=" + arch;
  const char* options[] = {target.c_str(), "--std=c++17"};
  const int status = compile_(program, 2, options);
  succeed(status, status == 0 ? "" : log(program));
  std::size_t size = 0;
  succeed(cubin_size_(program, &size), "");
  std::vector<char> cubin(size);
  succeed(cubin_(program, cubin.data()), "");
  return cubin;
}

}  // namespace weft::cuda
