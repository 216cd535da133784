// weft new: creates a folder with the user's model, ready to build and train.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <utility>

#include "runtime/atomic_file.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"

namespace weft::tools {

namespace {

namespace fs = std::filesystem;

// In these texts @NAME@ is the model's name, @PREFIX@ is the path where find_package finds Weft.
constexpr const char* kModel =
    R"(// @NAME@: an autoencoder of images. `encoder` maps an image to a code of a few numbers, `decoder` maps it back.
#include <weft/main.h>
#include <weft/weft.h>
using namespace weft;

// `settings` holds the command-line options --hidden and --code.
ir::Module build(const Settings& settings) {
  const std::int64_t pixels = settings.pixels(), hidden = settings.integer("hidden", 1);
  const std::int64_t code = settings.integer("code", 1);
  const Mlp encoder("encoder", pixels, {hidden, code}, gelu);
  const Mlp decoder("decoder", code, {hidden}, gelu);
  const Linear logits("decoder.logits", hidden, pixels);
  ir::Module module{"@NAME@", {}};
  {
    Entry entry(module, "loss", Mode::train);  // training minimises this; the entry ends with the block
    const Tensor x = entry.input("x", {B, pixels});
    entry.output("loss", bce_with_logits(logits(decoder(encoder(x))), x));
  }
  {
    Entry entry(module, "encode", Mode::eval);
    const Tensor x = entry.input("x", {B, pixels});
    entry.output("latent", encoder(x));
  }
  {
    Entry entry(module, "reconstruct", Mode::eval);
    const Tensor x = entry.input("x", {B, pixels});
    entry.output("xhat", sigmoid(logits(decoder(encoder(x)))));
  }
  return module;
}

int main(int argc, char** argv) {
  return weft::main(argc, argv,
                    Model{"@NAME@",
                          "an autoencoder of images",
                          {{"hidden", "256", "units of the hidden layers"}, {"code", "16", "size of the code"}},
                          build});
}
)";

constexpr const char* kCmake = R"(cmake_minimum_required(VERSION 3.25)
project(@NAME@ LANGUAGES CXX)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
list(APPEND CMAKE_PREFIX_PATH "@PREFIX@")  # the Weft that wrote this file
find_package(weft 0.1 REQUIRED)
add_executable(@NAME@ @NAME@.cpp)
target_link_libraries(@NAME@ PRIVATE weft::main)
)";

constexpr const char* kReadme = R"(# @NAME@

Build the model and train it on the built-in digits:

```
cmake -S . -B build && cmake --build build
build/@NAME@ train
```

Training writes a run to `run/@NAME@`; its `report.html` shows curves and images. Then try:

- `build/@NAME@ train --code 4 --epochs 20`: sets options of the model and of training; `train --help` lists them
- `build/@NAME@ train --data DIR`: trains on your images: IDX files, CIFAR-10, a folder of PNG, CSV or .npy
- `build/@NAME@ eval run/@NAME@`: measures the trained model on the test images
- `build/@NAME@ embed run/@NAME@`: writes the codes of the data as `.npy`
- `build/@NAME@ dump --stage fused`: prints the fused training step
- `build/@NAME@ bench`: times a step and compares it with this machine's limits
- `build/@NAME@ compile run/@NAME@ -o @NAME@_c`: compiles the trained model to a C library

The model is in `@NAME@.cpp`. Change it, then build and train again: your own loss is an expression of tensors, and Weft
derives its gradient.
)";

std::string filled(std::string text, const std::string& key, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size())
    text.replace(at, key.size(), value);
  return text;
}

// The prefix where find_package finds this program's Weft: its installation or its build folder.
fs::path prefix() { return fs::read_symlink("/proc/self/exe").parent_path().parent_path(); }

class New final : public Command {
 public:
  void declare(Flags& flags) override {
    flags.positional("NAME", name_, "Name of the model, its folder and its program");
    flags.add("out", out_, "DIR", "Folder to create [NAME]");
  }

  int run() override {
    if (name_.empty()) fail_usage("weft new needs a name, such as `weft new my_model`");
    const auto is_allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    if (!std::ranges::all_of(name_, is_allowed) || std::isdigit(static_cast<unsigned char>(name_[0])) != 0)
      fail_usage("'{}' cannot name a program: use letters, digits and _, and begin with a letter", name_);
    const fs::path folder = out_.empty() ? fs::path(name_) : fs::path(out_);
    if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder)))
      fail("{} already exists; give another name, or --out DIR", folder.string());
    fs::create_directories(folder);
    for (const auto& [file, text] :
         {std::pair{name_ + ".cpp", kModel}, {"CMakeLists.txt", kCmake}, {"README.md", kReadme}})
      runtime::write_file(folder / file, filled(filled(text, "@NAME@", name_), "@PREFIX@", prefix().string()));
    put("created {}: the model is in {}.cpp; build and train it with:\n\n  cd {}\n  cmake -S . -B build && cmake "
        "--build "
        "build\n"
        "  build/{} train\n",
        folder.string(), name_, folder.string(), name_);
    return 0;
  }

 private:
  std::string name_, out_;
};

}  // namespace

std::unique_ptr<Command> make_new(const Catalog&) { return std::make_unique<New>(); }

}  // namespace weft::tools
