// A folder beside the output holds what is being made; what is done is renamed out of it.
#include "backends/artefact/build.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ir/error.h"
#include "runtime/artefact/sources.h"
#include "runtime/atomic_file.h"

namespace weft::artefact {

namespace fs = std::filesystem;

namespace {

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

  // A command of words that are quoted for the shell.
  void run(const std::vector<std::string>& words) const {
    std::string command;
    for (const std::string& word : words) command += "'" + word + "' ";
    const fs::path log = file("log");
    if (std::system((command + ">'" + log.string() + "' 2>&1").c_str()) != 0)
      fail("{} failed; weft compile needs a C compiler and binutils (Debian: build-essential):\n{}\n{}", words[0],
           command, runtime::read_file(log).substr(0, 2000));
  }

 private:
  fs::path path_;
};

std::string source_text(const Artefact& artefact, bool standalone, const fs::path& weights) {
  std::string text = fmt::format("/* Made by weft compile {}. */\n", WEFT_VERSION);
  if (standalone) text += "#define WEFT_STANDALONE\n";
  bool first = true;
  for (const auto& [name, source] : runtime::artefact_sources(standalone)) {
    text += fmt::format("\n/* --- {} --- */\n", name) + std::string(source);
    if (first)
      text += "\n" + tables_text(artefact, weights.string()) +
              fmt::format("\n#define WEFT_NAME(x) {}_##x\n", artefact.name);
    first = false;
  }
  return text;
}

// The C++ library that runs steps by oneDNN, which this build left beside itself.
fs::path library_object() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
  const std::vector<fs::path> places = {beside / "lib/weft" / WEFT_ARTEFACT_OBJECT,
                                        fs::path(WEFT_INSTALLED_FOLDER) / WEFT_ARTEFACT_OBJECT,
                                        fs::path(WEFT_BUILT_FOLDER) / WEFT_ARTEFACT_OBJECT};
  for (const fs::path& place : places)
    if (fs::exists(place)) return place;
  fail("the runtime of artefacts, {}, is in none of {}; install Weft (cmake --install), or compile with --standalone",
       WEFT_ARTEFACT_OBJECT, fmt::join(std::vector<std::string>{places[0], places[1], places[2]}, ", "));
}

// NAME.json on disk also tells how large each file is and what it hashes to.
std::string whole_manifest(const Artefact& artefact, const std::vector<fs::path>& files) {
  auto json = nlohmann::ordered_json::parse(manifest_text(artefact));
  json["hash"] = fmt::format("{:016x}", interface_hash(artefact));
  for (const fs::path& file : files) {
    const std::string bytes = runtime::read_file(file);
    json["files"][artefact.name + file.extension().string()] = {{"bytes", bytes.size()},
                                                                {"fnv1a", fmt::format("{:016x}", hash_of(bytes))}};
  }
  return json.dump(2) + "\n";
}

}  // namespace

std::vector<fs::path> build(const Artefact& artefact, const fs::path& prefix, const BuildOptions& options) {
  const Workplace work(prefix);
  const auto part = [&](const std::string& extension) { return work.file("made" + extension); };
  const fs::path weights = work.file("weights");
  if (!artefact.weights.empty())
    runtime::write_file(weights, {reinterpret_cast<const char*>(artefact.weights.data()), artefact.weights.size()});

  std::vector<std::string> objects = {work.file("tables.o").string()};
  runtime::write_file(work.file("tables.c"), source_text(artefact, options.standalone, weights));
  work.run({options.compiler, "-std=gnu11", "-O2", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden",
            "-ffunction-sections", "-w", "-c", work.file("tables.c").string(), "-o", objects[0]});
  for (const Entry& entry : artefact.entries)
    for (const Program& program : entry.programs) {
      if (program.compiled.object.empty()) continue;
      objects.push_back(work.file(fmt::format("kernels{}.o", objects.size())).string());
      runtime::write_file(objects.back(), {program.compiled.object.data(), program.compiled.object.size()});
    }

  std::vector<std::string> merge = {options.compiler, "-r", "-nostdlib", "-o", part(".o").string()};
  merge.insert(merge.end(), objects.begin(), objects.end());
  work.run(merge);

  std::vector<std::string> archive = {options.archiver, "rcs", part(".a").string(), part(".o").string()};
  // Of all that is in it, only the artefact's own functions are seen from outside.
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
  if (!options.standalone) {
    const std::string library = library_object().string();
    archive.push_back(library);
    share.insert(share.end(), {library, "-ldnnl", "-lgomp", "-lstdc++"});
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

}  // namespace weft::artefact
