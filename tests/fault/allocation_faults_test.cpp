// Every allocation fails once: of compiling, of a training step, of files, of the C behind artefacts. The call ends
// with an error, and the same process then does the same work rightly. Each fault has a process of its own, so that a
// crash is counted and no more. By default some faults are drawn; WEFT_FAULTS=all tries every one, WEFT_FAULTS=N that
// many of each kind of work. WEFT_FAULTS=@N number N alone; WEFT_FAULT_TRACE=1 shows who asked for the memory.
#include <doctest/doctest.h>
#include <fixture.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <random>

#include "ir/error.h"
#include "ir/hash.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "runtime/atomic_file.h"
#include "tests/support/failing_allocations.h"
#include "tests/support/small_models.h"
#include "tests/support/temp_folder.h"
#include "training/runs/run_directory.h"

using namespace weft;
using namespace weft::training;

namespace {

namespace fs = std::filesystem;

// --- Work, as a digest of its result ---------------------------------------------------------------------------------

using Work = std::function<std::uint64_t()>;

std::uint64_t digest(const runtime::TensorFile& file) {
  std::uint64_t hash = fnv1a("");
  for (const auto& [name, tensor] : file.tensors)
    hash = fnv1a({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()}, fnv1a(name, hash));
  return hash;
}

SessionOptions options_of(const std::string& backend) {
  SessionOptions options;
  options.backend = backend;
  options.threads = 1;
  options.batch = 8;
  return options;
}

// A model parsed, compiled and trained for two steps, then judged.
std::uint64_t train(const std::string& text, const std::string& backend, const DatasetSplits& data) {
  Session session(ir::parse(text, "model"), options_of(backend));
  std::vector<std::int64_t> batch(8);
  std::iota(batch.begin(), batch.end(), std::int64_t{0});
  session.step(data.train, batch);
  session.step(data.train, batch);
  session.evaluate(data.test);
  return digest(session.save());
}

// A run folder that is written, and one that is read. What a failure leaves is whole.
std::uint64_t files(const std::string& text, const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  ir::Module module = ir::parse(text, "model");
  RunConfig config = test::config_of(module, 1);
  config.session = options_of("reference");
  Session session(module, config.session);
  const RunDirectory run =
      RunDirectory::create(folder / "run", config, std::move(module), RunDirectory::Existing::refuse);
  run.save(session, Position{});
  const RunDirectory again = RunDirectory::open(folder / "run");
  Session other(again.module(), again.config().session);
  again.restore(other);
  return digest(other.save());
}

// Whether there is no half-written file.
bool is_sound(const fs::path& folder) {
  std::error_code none;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, none)) {
    if (entry.path().filename().string().find(".tmp") != std::string::npos) return false;
    if (entry.path().extension() == ".safetensors") runtime::read_safetensors(entry.path());
  }
  return true;
}

struct NoMemory {};  // WEFT_NO_MEMORY

void need(int code) {
  if (code == WEFT_NO_MEMORY || code == WEFT_FAILED) throw NoMemory();  // an executor says the latter
  check(code == WEFT_OK, "an artefact failed otherwise");
}

std::uint64_t artefact(const fs::path& folder) {
  struct Model {
    ~Model() { fixture_destroy(model); }
    fixture* model = nullptr;
  } a, b;
  const std::string path = folder / "a.safetensors", link = folder / "link.safetensors";
  need(fixture_create(&a.model, nullptr));
  need(fixture_init(a.model, 7));
  const std::uint8_t images[8] = {1};
  float loss = 0;
  const void* inputs[] = {images};
  void* outputs[] = {&loss};
  const std::size_t input_bytes = sizeof images, output_bytes = sizeof loss;
  need(fixture_run(a.model, "train_step", 2, inputs, &input_bytes, outputs, &output_bytes));
  need(fixture_save(a.model, path.c_str()));
  fs::remove(link);
  fs::create_symlink("a.safetensors", link);
  need(fixture_save(a.model, link.c_str()));
  need(fixture_create(&b.model, path.c_str()));
  need(fixture_load(b.model, path.c_str()));
  const void* params = fixture_params(b.model);
  if (!params) throw NoMemory();
  return fnv1a({static_cast<const char*>(params), 48}) + fixture_steps(b.model);
}

// --- A process a fault -----------------------------------------------------------------------------------------------

enum Outcome : int { right = 0, ended_by_library = 1, refused = 10, other_exception, wrong, unsound, wrong_afterwards };

const std::map<int, const char*> names = {{right, "right all the same"},
                                          {ended_by_library, "ended by a library, with its message"},
                                          {refused, "refused, then right"},
                                          {other_exception, "FAILED: another exception"},
                                          {wrong, "FAILED: a wrong result"},
                                          {unsound, "FAILED: half a file"},
                                          {wrong_afterwards, "FAILED: wrong or refused afterwards"}};

int attempt(long which, const Work& work, std::uint64_t wanted, const fs::path& folder) {
  bool failed = false;
  std::uint64_t found = 0;
  try {
    test::fail_allocation(which, [&] { found = work(); });
  } catch (const std::bad_alloc&) {
    failed = true;
  } catch (const Error&) {
    failed = true;
  } catch (const NoMemory&) {
    failed = true;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return other_exception;
  }
  try {
    if (!failed) return found == wanted ? right : wrong;
    if (!is_sound(folder)) return unsound;
    return work() == wanted ? refused : wrong_afterwards;
  } catch (const std::exception& error) {
    fmt::print(stderr, "afterwards: {}\n", error.what());
    return wrong_afterwards;
  }
}

// Runs it in a child, whose exit code it gives; a signal's number is below zero.
int in_child(const std::function<int()>& work, std::string& said) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int crash : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) signal(crash, SIG_DFL);  // not doctest's
    alarm(120);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    _exit(work());
  }
  close(ends[1]);
  said.clear();
  char buffer[4096];
  for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(count));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Which faults are tried: all, or some of each stretch of the work.
std::vector<long> faults(long count, long by_default) {
  const char* setting = std::getenv("WEFT_FAULTS");
  if (setting && *setting == '@') return {std::atol(setting + 1)};
  const bool all = setting && std::string_view(setting) == "all";
  const long most = all ? count : setting ? std::atol(setting) : by_default;
  std::vector<long> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1L);
  std::mt19937 random(1);
  std::ranges::shuffle(numbers, random);
  numbers.resize(static_cast<std::size_t>(std::min(most, count)));
  return numbers;
}

void check_faults(const char* name, const Work& work, const fs::path& folder, long by_default) {
  if (!test::can_fail_allocations()) {
    MESSAGE("skipped: a sanitizer makes the allocations itself");
    return;
  }
  long count = 0;
  std::uint64_t wanted = 0;
  std::string said;
  const int code = in_child(
      [&] {
        const long seen = test::fail_allocation(0, [&] { wanted = work(); });
        const std::string text = fmt::format("{} {}", seen, wanted);
        return write(2, text.data(), text.size()) > 0 ? 0 : 1;
      },
      said);
  REQUIRE(code == 0);
  REQUIRE(std::sscanf(said.c_str(), "%ld %lu", &count, &wanted) == 2);
  std::map<int, int> outcomes;
  for (const long which : faults(count, by_default)) {
    const int outcome = in_child([&] { return attempt(which, work, wanted, folder); }, said);
    ++outcomes[outcome];
    CAPTURE(std::string(name));
    CAPTURE(which);
    CAPTURE(said);
    CHECK((outcome == right || outcome == refused || (outcome == ended_by_library && !said.empty())));
  }
  std::string text;
  for (const auto& [outcome, times] : outcomes)
    text += fmt::format("; {} {}", times,
                        names.contains(outcome) ? names.at(outcome) : fmt::format("FAILED: {}", outcome).c_str());
  MESSAGE(std::string(name) << ": " << count << " allocations" << text);
  CHECK(outcomes[refused] > 0);
}

std::string vae_text() { return ir::print(test::make_vae(6, 2)); }

}  // namespace

TEST_CASE("allocations fail: compiling and training with the reference backend") {
  const test::TempFolder folder;
  const DatasetSplits data = test::few_digits(8, 0, 8);
  const std::string text = vae_text();
  check_faults(
      "reference", [&] { return train(text, "reference", data); }, folder.path(), 60);
}

TEST_CASE("allocations fail: compiling and training with the cpu backend") {
  const test::TempFolder folder;
  const DatasetSplits data = test::few_digits(8, 0, 8);
  const std::string text = vae_text();
  if (std::ranges::count(backend_names(), "cpu") == 0) return;
  check_faults(
      "cpu", [&] { return train(text, "cpu", data); }, folder.path(), 40);
}

TEST_CASE("allocations fail: files of a run") {
  const test::TempFolder folder;
  const std::string text = vae_text();
  check_faults(
      "files", [&] { return files(text, folder / "work"); }, folder / "work", 60);
}

TEST_CASE("allocations fail: a copy of attributes of every type") {
  const test::TempFolder folder;
  ir::Attrs attrs;
  attrs.set(ir::Attr::perm, std::vector<std::int64_t>{1, 0, 2});
  attrs.set(ir::Attr::values, std::vector<double>{1, 2, 3});
  attrs.set(ir::Attr::start, ir::Dims(3));
  attrs.set(ir::Attr::activation, std::string(40, 'a'));
  attrs.set(ir::Attr::axis, std::int64_t{7});
  check_faults(
      "attributes", [&] { return std::uint64_t{ir::Attrs(attrs) == attrs}; }, folder.path(), 100);
}

TEST_CASE("allocations fail: the C behind artefacts") {
  const test::TempFolder folder;
  check_faults(
      "artefact", [&] { return artefact(folder.path()); }, folder.path(), 1000);
}
