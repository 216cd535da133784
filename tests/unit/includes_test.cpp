// The house's arrows (DESIGN.md, section 1): which folder may include which, read off every #include of the tree.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace fs = std::filesystem;

namespace {

// A folder may include itself and these. `backends` is the driver and what every backend fills.
const std::map<std::string, std::set<std::string>> kArrows = {
    {"ir", {}},
    {"frontend", {"ir"}},
    {"models", {"frontend", "ir"}},
    {"passes", {"ir"}},
    {"runtime", {"ir"}},
    {"backends/kernel", {"ir"}},
    {"backends/reference", {"ir", "runtime"}},
    {"backends/cpu",
     {"ir", "passes", "runtime", "runtime/artefact", "backends/kernel", "backends/reference", "backends/report.h",
      "backends/table_reader.h"}},
    {"backends/cuda",
     {"ir", "passes", "runtime", "runtime/artefact", "backends/kernel", "backends/report.h",
      "backends/table_reader.h"}},
    {"backends/onnx", {"ir", "passes", "runtime"}},
    {"backends",
     {"ir", "passes", "runtime", "runtime/artefact", "backends/cpu", "backends/cuda", "backends/reference"}},
    {"backends/artefact", {"ir", "runtime", "runtime/artefact", "backends/cpu", "backends/cuda"}},
    {"training", {"ir", "frontend", "passes", "runtime", "backends", "backends/artefact"}},
    {"tools",
     {"ir", "frontend", "models", "passes", "runtime", "training", "backends", "backends/artefact", "backends/onnx"}},
};

// "backends/cpu" of "backends/cpu/jit.h", "ir" of "ir/type.h".
std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

bool allowed(const std::string& from, const std::string& included) {
  const std::string to = folder_of(included);
  return to == from || kArrows.at(from).count(to) != 0 || kArrows.at(from).count(included) != 0;
}

}  // namespace

TEST_CASE("every include follows the arrows of the house") {
  const fs::path root = WEFT_SOURCE_DIR;
  int files = 0, includes = 0;
  for (const auto& [folder, targets] : kArrows)
    for (const fs::directory_entry& entry : fs::directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".def") continue;
      ++files;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        constexpr std::string_view kStart = "#include \"";
        if (line.rfind(kStart, 0) != 0) continue;
        const std::string included = line.substr(kStart.size(), line.find('"', kStart.size()) - kStart.size());
        ++includes;
        CAPTURE(entry.path().string());
        CAPTURE(included);
        CHECK(allowed(folder, included));
      }
    }
  MESSAGE(files << " files, " << includes << " includes");
  CHECK(files > 100);
  CHECK(includes > 300);
}

TEST_CASE("a folder that breaks the arrows is caught") {
  CHECK_FALSE(allowed("ir", "passes/pass.h"));
  CHECK_FALSE(allowed("passes", "backends/compile.h"));
  CHECK_FALSE(allowed("frontend", "passes/expr.h"));
  CHECK_FALSE(allowed("backends/cpu", "backends/compile.h"));
  CHECK(allowed("tools", "training/run.h"));
}
