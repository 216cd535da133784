// Builds in a temporary folder beside the output, and renames finished files out of it.
#include "backends/aot/build.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ir/error.h"
#include "ir/hash.h"
#include "runtime/artefact/sources.h"
#include "runtime/atomic_file.h"
#include "runtime/shell.h"

namespace weft::aot {

namespace fs = std::filesystem;

namespace {

bool is_on_gpu(Runner runner) { return runner == Runner::cuda || runner == Runner::cuda_emulated; }

class Workplace {
 public:
  explicit Workplace(const fs::path& prefix) {
    const fs::path parent = fs::absolute(prefix).parent_path();
    std::string pattern = (parent / ".weft-compile-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      fail("cannot write to {}: {}; choose another place for -o", parent.string(),
           std::error_code(errno, std::generic_category()).message());
    path_ = pattern;
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  fs::path file(const std::string& name) const { return path_ / name; }

  // A command line whose words are quoted for the shell.
  void run(const std::vector<std::string>& words) const {
    std::string command;
    for (const std::string& word : words) command += "'" + word + "' ";
    const fs::path log = file("log");
    if (!runtime::run_shell(command + ">'" + log.string() + "' 2>&1"))
      fail("{} failed; weft compile needs a C compiler and binutils (Debian: build-essential):\n{}\n{}", words[0],
           command, runtime::read_file(log).substr(0, 2000));
  }

 private:
  fs::path path_;
};

std::string source_text(const Artefact& artefact, Runner runner, const fs::path& folder) {
  std::string text = fmt::format("/* Made by weft compile {}. */\n", WEFT_VERSION);
  const bool standalone = runner == Runner::standalone;
  if (standalone) text += "#define WEFT_STANDALONE\n";
  if (is_on_gpu(runner)) text += "#define WEFT_DEVICE\n";
  for (const auto& [name, source] : runtime::artefact_sources(standalone)) {
    text += fmt::format("\n/* --- {} --- */\n", name) + std::string(source);
    if (name == "tables.h")
      text +=
          "\n" + tables_text(artefact, folder.string()) + fmt::format("\n#define WEFT_NAME(x) {}_##x\n", artefact.name);
  }
  return text;
}

// Writes embedded data to the files that the tables name.
void write_embedded(const Artefact& artefact, const Workplace& work) {
  if (!artefact.weights.empty())
    runtime::write_file(work.file("weights"),
                        {reinterpret_cast<const char*>(artefact.weights.data()), artefact.weights.size()});
  int number = 0;
  for (const Entry& entry : artefact.entries)
    for (const Program& program : entry.programs) {
      const std::string prefix = program_prefix(artefact, number++);
      if (const auto* on_gpu = std::get_if<CudaProgram>(&program.compiled))
        for (const Cubin& cubin : on_gpu->cubins)
          runtime::write_file(work.file(prefix + cubin.architecture), {cubin.bytes.data(), cubin.bytes.size()});
    }
}

// Compiles the tables and the kernels to object files.
std::vector<std::string> compiled(const Artefact& artefact, const Workplace& work, const BuildOptions& options) {
  std::vector<std::string> objects = {work.file("tables.o").string()};
  write_embedded(artefact, work);
  runtime::write_file(work.file("tables.c"), source_text(artefact, options.runner, work.file("")));
  work.run({options.compiler, "-std=gnu11", "-O2", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden",
            "-ffunction-sections", "-w", "-c", work.file("tables.c").string(), "-o", objects[0]});
  for (const Entry& entry : artefact.entries)
    for (const Program& program : entry.programs) {
      const auto* on_cpu = std::get_if<CpuProgram>(&program.compiled);
      if (!on_cpu || on_cpu->object.empty()) continue;
      objects.push_back(work.file(fmt::format("kernels{}.o", objects.size())).string());
      runtime::write_file(objects.back(), {on_cpu->object.data(), on_cpu->object.size()});
    }
  return objects;
}

// The libraries that an artefact links besides libc and libm: a Weft C++ library, which this build left beside itself
// as an object file, and its dependencies.
struct Library {
  std::string object;
  std::vector<std::string> flags;
};

Library library_of(Runner runner) {
  switch (runner) {
    case Runner::onednn:
      return {"artefact_onednn.o", {WEFT_DNNL_LIBRARY, "-lgomp", "-lstdc++"}};
    case Runner::cuda:
      return {"artefact_cuda.o", {"-ldl", "-lstdc++"}};
    case Runner::cuda_emulated:
      return {"artefact_cuda_emulated.o", {"-ldl", "-lstdc++"}};
    case Runner::standalone:
      break;
  }
  return {};
}

std::string found(const std::string& object) {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
  std::vector<std::string> tried;
  for (const fs::path& folder : {beside / "lib/weft", fs::path(WEFT_INSTALLED_FOLDER), fs::path(WEFT_BUILT_FOLDER)}) {
    tried.push_back((folder / object).string());
    if (fs::exists(tried.back())) return tried.back();
  }
  fail(
      "the runtime of artefacts is missing: {} does not exist; install Weft (cmake --install), or compile with "
      "--standalone",
      fmt::join(tried, ", "));
}

// On disk, NAME.json also lists the size and hash of each file.
std::string whole_manifest(const Artefact& artefact, const std::vector<fs::path>& files) {
  auto json = nlohmann::ordered_json::parse(manifest_text(artefact));
  json["hash"] = fmt::format("{:016x}", interface_hash(artefact));
  for (const fs::path& file : files) {
    const std::string bytes = runtime::read_file(file);
    json["files"][artefact.name + file.extension().string()] = {{"bytes", bytes.size()},
                                                                {"fnv1a", fmt::format("{:016x}", fnv1a(bytes))}};
  }
  return json.dump(2) + "\n";
}

}  // namespace

std::vector<fs::path> build(const Artefact& artefact, const fs::path& prefix, const BuildOptions& options) {
  const Workplace work(prefix);
  const auto part = [&](const std::string& extension) { return work.file("made" + extension); };
  std::vector<std::string> merge = {options.compiler, "-r", "-nostdlib", "-o", part(".o").string()};
  for (std::string& object : compiled(artefact, work, options)) merge.push_back(std::move(object));
  work.run(merge);

  std::vector<std::string> archive = {options.archiver, "rcs", part(".a").string(), part(".o").string()};
  // Only the artefact's functions are visible from outside.
  runtime::write_file(work.file("exports"), fmt::format("{{ global: {}_*; local: *; }};\n", artefact.name));
  std::vector<std::string> share = {options.compiler,
                                    "-shared",
                                    "-Wl,--gc-sections",
                                    "-Wl,-z,defs",
                                    "-Wl,--version-script=" + work.file("exports").string(),
                                    "-Wl,-soname," + prefix.filename().string() + ".so",
                                    "-o",
                                    part(".so").string(),
                                    part(".o").string()};
  if (const Library library = library_of(options.runner); !library.object.empty()) {
    archive.push_back(found(library.object));
    share.push_back(archive.back());
    share.insert(share.end(), library.flags.begin(), library.flags.end());
  }
  share.emplace_back("-lm");
  work.run(archive);
  work.run(share);

  runtime::write_file(part(".h"), header_text(artefact));
  runtime::write_file(part(".json"), whole_manifest(artefact, {part(".o"), part(".a"), part(".so"), part(".h")}));
  std::vector<fs::path> made;
  for (const char* extension : {".o", ".a", ".so", ".h", ".json"}) {
    made.push_back(fs::path(prefix.string() + extension));
    fs::rename(part(extension), made.back());
  }
  return made;
}

}  // namespace weft::aot
