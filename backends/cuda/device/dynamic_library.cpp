// dlopen over a list of names and folders.
#include "backends/cuda/device/dynamic_library.h"

#include <dlfcn.h>

#include <cstdlib>

namespace weft::cuda {

namespace {

std::vector<std::string> folders() {
  std::vector<std::string> result{""};
  for (const char* variable : {"CUDA_HOME", "CUDNN_HOME"})
    if (const char* home = std::getenv(variable); home && *home)
      for (const char* folder : {"/lib64/", "/lib/"}) result.push_back(home + std::string(folder));
  result.emplace_back("/usr/local/cuda/lib64/");
  return result;
}

}  // namespace

DynamicLibrary::DynamicLibrary(const std::vector<std::string>& names) {
  for (const std::string& folder : folders())
    for (const std::string& name : names) {
      handle_ = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_) {
        path_ = folder + name;
        return;
      }
      const char* error = dlerror();
      if (reason_.empty() && error) reason_ = error;
    }
}

void* DynamicLibrary::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

}  // namespace weft::cuda
