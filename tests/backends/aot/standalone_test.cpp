// Artefacts without oneDNN: what they link to, how large they are, another machine's code, and what is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "backends/aot/build.h"
#include "tests/support/build_model.h"
#include "tests/support/temp_folder.h"
#include "training/compile_model.h"

using namespace weft;
using namespace weft::training;

namespace {

namespace fs = std::filesystem;

aot::Options encoder(const std::string& name, std::vector<std::int64_t> batches) {
  aot::Options options;
  options.name = name;
  options.entries = {"encode"};
  options.batches = std::move(batches);
  options.standalone = true;
  return options;
}

// NAME.o, .so, .h and so on in the folder.
aot::Artefact build(const ir::Module& module, const aot::Options& options, const fs::path& folder) {
  aot::BuildOptions build_options;
  build_options.runner = aot::Runner::standalone;
  if (!options.triple.empty()) {
    build_options.compiler = options.triple + "-gcc";
    build_options.archiver = options.triple + "-ar";
  }
  aot::Artefact made = compile_model(module, {}, options).artefact;
  aot::build(made, folder / options.name, build_options);
  return made;
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += char(c);
  CAPTURE(command);
  CHECK(pclose(pipe) == 0);
  return text;
}

bool has_tools(const std::string& tools) {
  for (std::istringstream names(tools); names;) {
    std::string name;
    if (names >> name && std::system(("command -v " + name + " > /dev/null").c_str()) != 0) return false;
  }
  return true;
}

// Encodes pictures that it makes up, at batch 1 and 3, and prints the codes.
std::string program(const std::string& name) {
  std::string text = R"(#include <stdio.h>
#include "@.h"
int main(void) {
  static float x[3 * 784], latent[3 * 20], logvar[3 * 20];
  @* model;
  for (int i = 0; i < 3 * 784; ++i) x[i] = (float)(i * 37 % 101) / 101;
  if (@_create(&model, NULL)) return fprintf(stderr, "%s\n", @_error(NULL)), 1;
  for (int batch = 1; batch <= 3; batch += 2) {
    if (@_encode(model, batch, x, latent, logvar)) return fprintf(stderr, "%s\n", @_error(model)), 1;
    for (int i = 0; i < batch * 20; ++i) printf("%.9g\n%.9g\n", latent[i], logvar[i]);
  }
  @_destroy(model);
  return 0;
}
)";
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at)) text.replace(at, 1, name);
  return text;
}

// Trains from one seed, first undisturbed, then again and again under a timer whose handler runs on the stack of the
// computing thread and writes to 8 KiB of it. Prints how many signals there were and how many trainings ended
// otherwise.
std::string disturbed_program(const std::string& name) {
  std::string text = R"(#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "@.h"
enum { SIGNALS = 400, BATCH = 16 };
static volatile long signals;
static void handle(int number) {
  volatile char stack[8192];
  for (unsigned i = 0; i < sizeof stack; ++i) stack[i] = (char)number;
  ++signals;
}
static void train(@* model, unsigned char* params) {
  static unsigned char images[BATCH * 784];
  float numbers[8];
  const void* inputs[] = {images};
  const size_t input_bytes[] = {sizeof images};
  void* outputs[8];
  size_t output_bytes[8];
  for (int i = 0; i < 8; ++i) outputs[i] = &numbers[i], output_bytes[i] = sizeof(float);
  for (int i = 0; i < BATCH * 784; ++i) images[i] = (unsigned char)(i * 37 % 251);
  if (@_init(model, 1)) exit(3);
  for (int step = 0; step < 5; ++step)
    if (@_run(model, "train_step", BATCH, inputs, input_bytes, outputs, output_bytes)) exit(4);
  memcpy(params, @_params(model), @UPPER@_PARAMS_BYTES);
}
int main(void) {
  unsigned char *wanted = malloc(@UPPER@_PARAMS_BYTES), *found = malloc(@UPPER@_PARAMS_BYTES);
  struct sigaction action = {0};
  struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
  long wrong = 0;
  @* model;
  if (@_create(&model, NULL)) return 2;
  train(model, wanted);
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  while (signals < SIGNALS) {
    train(model, found);
    wrong += memcmp(wanted, found, @UPPER@_PARAMS_BYTES) != 0;
  }
  setitimer(ITIMER_REAL, &never, NULL);
  printf("%ld\n%ld\n", signals, wrong);
  return 0;
}
)";
  const auto replace = [&](const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
      text.replace(at, what.size(), by);
  };
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  replace("@UPPER@", upper);
  replace("@", name);
  return text;
}

std::vector<double> numbers_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<double>(stream), {}};
}

}  // namespace

TEST_CASE("a standalone encoder is small and needs libc and libm alone") {
  const test::TempFolder folder;
  const aot::Artefact made = build(test::build_model("vae", {}), encoder("standalone", {1, 3, 64}), folder.path());
  CHECK(made.weights.empty());
  for (const char* file : {"standalone.o", "standalone.so"}) {
    MESSAGE(std::string(file) << " " << fs::file_size(folder / file) << " bytes");
    CHECK(fs::file_size(folder / file) < 200'000);
  }
  // A symbol of glibc has its version behind it; what is weak may be missing.
  std::istringstream symbols(output_of("nm -D -u " + (folder / "standalone.so").string()));
  int strong = 0;
  for (std::string kind, name; symbols >> kind >> name;) {
    CAPTURE(name);
    CHECK((kind == "w" || test::contains(name, "@GLIBC_")));
    strong += kind == "U";
  }
  CHECK(strong > 10);
  std::istringstream needed(output_of("readelf -d " + (folder / "standalone.so").string() + " | grep NEEDED"));
  for (std::string line; std::getline(needed, line);) {
    CAPTURE(line);
    CHECK((test::contains(line, "[libc.so") || test::contains(line, "[libm.so") || test::contains(line, "[ld-linux")));
  }
  // The object links with nothing else either, nor does what LLVM made call anything.
  folder.write("main.c", program("standalone"));
  const std::string text =
      output_of("cd " + folder.path().string() + " && cc -std=gnu11 -O2 main.c standalone.o -lm -o main && ./main");
  CHECK(numbers_of(text).size() == 160);
}

TEST_CASE("a standalone artefact computes the same bits under a signal handler on its thread's stack") {
  for (const auto& [name, settings] : std::vector<std::pair<std::string, test::Options>>{
           {"vae", {{"hidden", "96"}, {"latent", "8"}}},
           {"conv_autoencoder", {{"latent", "8"}, {"widths", "16,32"}}}}) {
    const test::TempFolder folder;
    aot::Options options;
    options.name = name;
    options.entries = {kTrainStepEntry};
    options.batches = {16};
    options.standalone = true;
    build(test::build_model(name, settings), options, folder.path());
    folder.write("main.c", disturbed_program(name));
    const std::vector<double> numbers = numbers_of(output_of(
        fmt::format("cd {} && cc -std=gnu11 -O2 main.c {}.a -lm -o main && ./main", folder.path().string(), name)));
    REQUIRE(numbers.size() == 2);
    MESSAGE(name << ": " << numbers[0] << " signals, " << numbers[1] << " trainings with other bits");
    CHECK(numbers[0] >= 400);
    CHECK(numbers[1] == 0);
  }
}

TEST_CASE("a standalone encoder for aarch64 gives the codes that one for this machine gives") {
  if (!has_tools("qemu-aarch64 aarch64-linux-gnu-gcc aarch64-linux-gnu-ar")) {
    MESSAGE("skipped: needs qemu-aarch64 and aarch64-linux-gnu-gcc (Debian: qemu-user, gcc-aarch64-linux-gnu)");
    return;
  }
  const test::TempFolder folder;
  const ir::Module module = test::build_model("vae", {});
  aot::Options other = encoder("other", {1, 3});
  other.triple = "aarch64-linux-gnu";
  const aot::Artefact made = build(module, other, folder.path());
  CHECK(made.features.empty());
  build(module, encoder("host", {1, 3}), folder.path());
  const auto run = [&](const std::string& name, const std::string& compiler, const std::string& runner) {
    folder.write(name + ".c", program(name));
    return numbers_of(output_of(fmt::format("cd {} && {} -std=gnu11 -static {}.c {}.a -lm -o {} && {} ./{}",
                                            folder.path().string(), compiler, name, name, name, runner, name)));
  };
  const std::vector<double> host = run("host", "cc", ""), arm = run("other", "aarch64-linux-gnu-gcc", "qemu-aarch64");
  REQUIRE(host.size() == 160);
  REQUIRE(arm.size() == host.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    largest = std::max(largest, std::abs(host[i]));
    difference = std::max(difference, std::abs(host[i] - arm[i]));
  }
  CHECK(largest > 0.1);
  CHECK(difference < 1e-5 * largest);
}

TEST_CASE("an artefact for a named cpu asks for its features and no more") {
  aot::Options options = encoder("v3", {1});
  options.cpu = "x86-64-v3";
  const aot::Artefact made = compile_model(test::build_model("vae", {}), {}, options).artefact;
  CHECK(made.cpu == "x86-64-v3");
  CHECK(std::ranges::count(made.features, "avx2") == 1);
  for (const std::string& feature : made.features) CHECK_FALSE(feature.starts_with("avx512"));
}

TEST_CASE("what needs oneDNN is no standalone artefact") {
  aot::Options options;
  options.name = "refused";
  options.entries = {kTrainStepEntry};
  options.batches = {8};
  options.standalone = true;
  const ir::Module module = test::build_model("simclr", {{"widths", "16,16,16,16"}, {"head", "16,8"}});
  CHECK_ERROR(compile_model(module, {}, options), "needs oneDNN; compile with --no-contrastive");
  options.cpu = "z80";
  CHECK_ERROR(compile_model(module, {}, options), "unknown cpu \"z80\"");
  options.cpu = "native";
  options.triple = "vax-dec-ultrix";
  CHECK_ERROR(compile_model(module, {}, options), "unknown target \"vax-dec-ultrix\"");
}
