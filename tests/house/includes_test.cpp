// Which folder may include which, read off every #include of the tree, and how large folders and files may be.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

namespace fs = std::filesystem;

namespace {

// What each folder may include besides itself: folders, or single headers of a folder. A trailing slash takes the
// folders below it too. tests, bench, docs and examples may include anything.
const std::map<std::string, std::set<std::string>> kArrows = {
    {"ir", {"ir/infer/rules.h"}},
    {"ir/infer", {"ir"}},
    {"ir/text", {"ir"}},
    {"ir/kernel", {"ir"}},
    {"ir/kernel/text", {"ir", "ir/kernel", "ir/text"}},
    {"frontend", {"ir", "ir/text"}},
    {"models", {"models/parts", "frontend", "ir", "ir/text"}},
    {"models/parts", {"frontend", "ir"}},
    {"passes", {"ir", "ir/text"}},
    {"passes/contrastive", {"passes", "passes/simplify/closed_form.h", "ir"}},
    {"passes/differentiate", {"passes", "ir"}},
    {"passes/fuse", {"passes", "ir", "ir/kernel"}},
    {"passes/layout", {"passes", "passes/plan", "ir"}},
    {"passes/plan", {"passes", "ir"}},
    {"passes/simplify", {"passes", "ir"}},
    {"passes/stabilise", {"passes", "ir"}},
    {"runtime", {"runtime/artefact", "ir", "ir/text"}},
    {"runtime/artefact", {"runtime/program/steps.def"}},
    {"runtime/program", {"runtime/artefact", "ir"}},
    {"backends", {"passes", "runtime", "ir", "ir/text", "backends/reference"}},
    {"backends/program", {"passes/", "runtime/program", "ir"}},
    {"backends/reference", {"backends/backend.h", "runtime", "ir"}},
    {"backends/onnx", {"passes", "runtime", "ir"}},
    {"backends/cpu", {"backends/cpu/", "backends/backend.h", "runtime/artefact", "runtime/program"}},
    {"backends/cpu/threads", {"runtime/program", "ir"}},
    {"backends/cpu/codegen",
     {"backends/cpu/codegen/products", "backends/cpu/matmul.h", "backends/cpu/winograd.h", "ir", "ir/kernel"}},
    {"backends/cpu/codegen/products",
     {"backends/cpu/codegen", "backends/cpu/matmul.h", "backends/cpu/winograd.h", "ir"}},
    {"backends/cpu/onednn", {"backends/cpu/im2col.h", "backends/cpu/matmul.h", "backends/cpu/threads", "ir"}},
    {"backends/cpu/program",
     {"backends/cpu/", "backends/program", "backends/options.h", "backends/report.h", "backends/reference", "passes/",
      "runtime", "runtime/artefact", "runtime/program", "ir", "ir/kernel", "ir/kernel/text"}},
    {"backends/cpu/similarity",
     {"backends/cpu/onednn", "backends/cpu/threads", "backends/cpu/program/thunk.h", "passes/expr.h", "ir",
      "ir/kernel"}},
    {"backends/cuda", {"backends/cuda/", "backends/backend.h", "ir"}},
    {"backends/cuda/codegen", {"backends/cuda/emulation/emulate.h", "ir", "ir/kernel"}},
    {"backends/cuda/ops", {"backends/cuda/codegen", "ir"}},
    {"backends/cuda/device", {"backends/report.h", "runtime/program", "ir"}},
    {"backends/cuda/emulation", {"backends/cuda/device", "runtime", "ir"}},
    {"backends/cuda/program",
     {"backends/cuda/codegen", "backends/cuda/ops", "backends/cuda/device", "backends/program", "backends/report.h",
      "passes/", "runtime", "runtime/program", "ir", "ir/kernel"}},
    {"backends/aot",
     {"backends", "backends/cpu/", "backends/cuda/", "backends/program", "passes/", "runtime", "runtime/artefact",
      "runtime/program", "ir"}},
    {"training", {"training/data", "backends", "backends/aot", "passes", "runtime", "ir", "ir/text"}},
    {"training/data", {"runtime", "ir"}},
    {"training/stats", {"training", "frontend", "runtime", "ir"}},
    {"training/evaluation", {"training", "training/data", "training/stats", "frontend", "runtime", "ir", "ir/text"}},
    {"training/plot", {"training/data", "runtime", "ir"}},
    {"training/runs", {"training/", "runtime", "ir", "ir/text"}},
    {"tools", {"tools/commands", "tools/console", "frontend", "ir"}},
    {"tools/export", {"runtime", "ir"}},
    {"tools/console", {"training", "passes", "ir"}},
    {"tools/flags",
     {"tools/console", "training/", "backends", "passes", "models", "frontend", "runtime", "ir", "ir/text"}},
    {"tools/bench",
     {"tools/console", "tools/flags", "training/", "backends", "passes/", "frontend", "runtime", "ir", "ir/text"}},
    {"tools/commands",
     {"tools/bench", "tools/console", "tools/export", "tools/flags", "training/", "backends", "backends/aot",
      "backends/onnx", "models/parts", "passes/", "runtime", "ir", "ir/kernel/text", "ir/text"}},
};

const std::set<std::string> kFree = {"tests", "bench", "docs", "examples", "build", "cmake", "scripts"};

bool allowed(const std::string& from, const std::string& included) {
  const std::string to = fs::path(included).parent_path().string();
  if (to == from) return true;
  for (const std::string& target : kArrows.at(from)) {
    if (target == to || target == included) return true;
    if (target.ends_with('/') && (to + "/").starts_with(target)) return true;
  }
  return false;
}

bool is_source(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".h" || extension == ".cpp" || extension == ".def" || extension == ".c";
}

}  // namespace

TEST_CASE("every include follows the arrows of the house, and every folder is in it") {
  const fs::path root = WEFT_SOURCE_DIR;
  int files = 0, includes = 0;
  std::set<std::string> unknown;
  for (auto each = fs::recursive_directory_iterator(root); each != fs::end(each); ++each) {
    const fs::path path = fs::relative(each->path(), root);
    const std::string top = path.begin()->string();
    if (kFree.contains(top) || top.starts_with('.')) {
      if (each->is_directory()) each.disable_recursion_pending();
      continue;
    }
    if (!each->is_regular_file() || !is_source(path)) continue;
    const std::string folder = path.parent_path().string();
    if (!kArrows.contains(folder)) {
      unknown.insert(folder);
      continue;
    }
    ++files;
    std::ifstream file(each->path());
    for (std::string line; std::getline(file, line);) {
      constexpr std::string_view kStart = "#include \"";
      if (line.rfind(kStart, 0) != 0) continue;
      const std::string included = line.substr(kStart.size(), line.find('"', kStart.size()) - kStart.size());
      if (included.find('/') == std::string::npos) continue;  // made by CMake
      ++includes;
      CAPTURE(path.string());
      CAPTURE(included);
      CHECK(allowed(folder, included));
    }
  }
  for (const std::string& folder : unknown) FAIL_CHECK("the folder " << folder << " is not in the table of arrows");
  MESSAGE(files << " files, " << includes << " includes");
  CHECK(files > 100);
  CHECK(includes > 300);
}

TEST_CASE("no folder holds more than 25 files, and no file more than 400 lines") {
  const fs::path root = WEFT_SOURCE_DIR;
  std::map<std::string, int> files;
  for (auto each = fs::recursive_directory_iterator(root); each != fs::end(each); ++each) {
    const fs::path path = fs::relative(each->path(), root);
    const std::string top = path.begin()->string();
    if (top.starts_with('.') || top == "build") {
      if (each->is_directory()) each.disable_recursion_pending();
      continue;
    }
    if (!each->is_regular_file()) continue;
    ++files[path.parent_path().string()];
    if (!is_source(path)) continue;
    std::ifstream file(each->path());
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    CAPTURE(path.string());
    CHECK(lines <= 400);
  }
  for (const auto& [folder, count] : files) {
    CAPTURE(folder);
    CHECK(count <= 25);
  }
}

TEST_CASE("the headers that are installed are those that weft.h and main.h need") {
  const fs::path root = WEFT_SOURCE_DIR;
  const auto headers_of = [&](const std::string& path) {
    std::set<std::string> found;
    std::ifstream file(root / path);
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("#include \"")) found.insert(line.substr(10, line.find('"', 10) - 10));
    return found;
  };
  std::set<std::string> needed, next = {"frontend/weft.h", "tools/main.h"};
  while (!next.empty()) {
    std::set<std::string> found;
    for (const std::string& header : next)
      if (needed.insert(header).second) found.merge(headers_of(header));
    next = std::move(found);
  }

  std::set<std::string> installed;
  std::ifstream install(root / "cmake/install.cmake");
  bool in_list = false;
  for (std::string line; std::getline(install, line);) {
    std::istringstream words(line);
    for (std::string word; in_list && words >> word;) {
      const bool is_last = word.ends_with(')');
      installed.insert(is_last ? word.substr(0, word.size() - 1) : word);
      in_list = !is_last;
    }
    in_list = in_list || line == "set(public_headers";
  }
  CHECK(installed == needed);
  MESSAGE(needed.size() << " public headers");
}

TEST_CASE("a folder that breaks the arrows is caught") {
  CHECK_FALSE(allowed("ir", "passes/pass.h"));
  CHECK_FALSE(allowed("passes", "backends/compile.h"));
  CHECK_FALSE(allowed("frontend", "passes/expr.h"));
  CHECK_FALSE(allowed("backends/cpu", "backends/compile.h"));
  CHECK_FALSE(allowed("backends/cpu/codegen", "backends/cpu/program/jit.h"));
  CHECK(allowed("tools/commands", "training/runs/run.h"));
}
