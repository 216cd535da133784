// The programs of examples/, made as a user makes them: weft compile and a C compiler, in a folder that knows nothing
// of the sources. What they do is what weft itself does, bit for bit.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "tests/support/idx_data.h"
#include "tests/support/shell_cases.h"
#include "tests/support/temp_folder.h"
#include "training/data/npy.h"

namespace {

namespace fs = std::filesystem;
using weft::runtime::read_safetensors;
using weft::test::contains;
using weft::test::run_shell;
using weft::test::ShellResult;
using weft::test::TempFolder;

constexpr const char* small = "--hidden 6 --latent 2 ";

// 39 pictures to train on, in batches of 4 and one of 3; 12 to test.
struct Workshop {
  Workshop() {
    fs::copy(fs::path(WEFT_SOURCE_DIR) / "examples", folder / "examples", fs::copy_options::recursive);
    weft::test::write_idx_folder(folder, "data", 8, 39, 12);
  }

  // Its output; a failure fails the test.
  std::string run(const std::string& script) const {
    const ShellResult result = run_shell(script, folder.path());
    CAPTURE(script);
    CAPTURE(result.errors);
    CAPTURE(result.output);
    REQUIRE(result.exit_code == 0);
    return result.output;
  }
  // What it complains about.
  std::string complaint(const std::string& script) const {
    const ShellResult result = run_shell(script, folder.path());
    CAPTURE(script);
    CAPTURE(result.output);
    CHECK(result.exit_code == 1);
    return result.errors;
  }
  void make(const std::string& goals, const std::string& options = "") const {
    run("make -s -C examples MODEL='vae --size 1x8x8 " + std::string(small) +
        "' BATCHES=1,3,4 CFLAGS='-O1 -Wall -Wextra -Werror -DBATCH=4' " + options + " " + goals + " > made");
  }

  TempFolder folder;
};

// The numbers of a line after `name`, from each line of that.
std::vector<double> losses_of(const std::string& output) {
  std::vector<double> losses;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    losses.push_back(std::strtod(line.substr(line.find("loss ") + 5).c_str(), nullptr));
  return losses;
}

std::vector<double> losses_of_run(const fs::path& metrics) {
  std::vector<double> losses;
  std::istringstream lines(weft::runtime::read_file(metrics));
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line);
    if (record["split"] == "train") losses.push_back(record["loss"].get<double>());
  }
  return losses;
}

std::vector<float> floats_of(const std::string& output) {
  std::vector<float> floats;
  std::istringstream words(output);
  for (std::string word; words >> word;) floats.push_back(std::strtof(word.c_str(), nullptr));
  return floats;
}

const std::string train = std::string("weft train vae --data data --validation 0 --batch 4 --threads 2 ") + small +
                          "--epochs 2 --seed 5 --out run > trained 2>&1\n";

// Python with numpy, or "".
std::string python(const Workshop& workshop) {
  const ShellResult result = run_shell("${WEFT_PYTHON:-python3} -c 'import numpy'", workshop.folder.path());
  if (result.exit_code != 0) MESSAGE("skipped: python3 (or WEFT_PYTHON) has no numpy");
  return result.exit_code == 0 ? "${WEFT_PYTHON:-python3} " : "";
}

}  // namespace

TEST_CASE("examples: train_vae trains as weft train does, bit for bit, and weft eval reads its checkpoint") {
  const Workshop shop;
  shop.make("train_vae");
  const std::string output = shop.run(train + "examples/train_vae data/train-images-idx3-ubyte 2 5 c.safetensors");
  CHECK(losses_of(output).size() == 2);
  CHECK(losses_of(output) == losses_of_run(shop.folder / "run/metrics.jsonl"));
  const auto file = read_safetensors(shop.folder / "c.safetensors");
  const auto expected = read_safetensors(shop.folder / "run/checkpoint.safetensors");
  CHECK(file.tensors == expected.tensors);
  for (const char* key : {"weft", "model", "seed", "step", "optimizer"})
    CHECK(file.metadata.at(key) == expected.metadata.at(key));
  CHECK(shop.run("weft eval c.safetensors --data data --batch 4") == shop.run("weft eval run"));

  if (const std::string interpreter = python(shop); !interpreter.empty())
    CHECK(shop.run(interpreter +
                   "examples/python/train.py examples/vae.json data/train-images-idx3-ubyte 2 5 d.safetensors && "
                   "cmp c.safetensors d.safetensors") == output);
}

TEST_CASE("examples: encode and codes.py print the codes that weft embed writes") {
  const Workshop shop;
  shop.make("encode");
  const std::string output = shop.run(train +
                                      "weft embed run --split test --to codes.npy > embedded\n"
                                      "examples/encode run/checkpoint.safetensors data/t10k-images-idx3-ubyte");
  const auto codes = weft::training::read_npy(shop.folder / "codes.npy");
  const auto expected = codes.as<float>();
  CHECK(floats_of(output) == std::vector<float>(expected.begin(), expected.end()));
  if (const std::string interpreter = python(shop); !interpreter.empty())
    CHECK(shop.run(interpreter + "examples/python/codes.py examples/vae.json run/checkpoint.safetensors "
                                 "data/t10k-images-idx3-ubyte") == output);
}

TEST_CASE("examples: Python tells errors of the library, and of one that was cut short") {
  const Workshop shop;
  const std::string interpreter = python(shop);
  if (interpreter.empty()) return;
  shop.make("encode");
  const std::string codes =
      interpreter + "examples/python/codes.py examples/vae.json weights data/t10k-images-idx3-ubyte";
  shop.folder.write("weights", "none");
  CHECK(contains(shop.complaint(codes), "RuntimeError: weights: it holds 4 bytes"));
  shop.run("head -c 20000 examples/vae.so > cut && mv cut examples/vae.so");
  CHECK(contains(shop.complaint(codes), "has 20000 bytes, not "));
}

TEST_CASE("examples: strangest finds its weights beside the manifest") {
  const Workshop shop;
  shop.run(train);
  shop.make("strangest", "WEIGHTS=../run/checkpoint.safetensors");
  const std::string strangest = "examples/strangest examples/vae.json data/t10k-images-idx3-ubyte ";
  CHECK(contains(shop.run(strangest + "0"), "12 of 12 above 0\n"));
  CHECK(shop.run(strangest + "1e9") == "0 of 12 above 1e+09\n");
}

TEST_CASE("examples: latency tells three times") {
  const Workshop shop;
  shop.make("latency");
  CHECK(contains(shop.run("examples/latency"), "encode at batch 1: median"));
}

TEST_CASE("examples: without oneDNN they are the same programs") {
  const Workshop shop;
  shop.make("train_vae encode", "STANDALONE=1");
  const std::string output = shop.run(train + "examples/train_vae data/train-images-idx3-ubyte 2 5 c.safetensors");
  const std::vector<double> losses = losses_of(output), expected = losses_of_run(shop.folder / "run/metrics.jsonl");
  REQUIRE(losses.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) CHECK(losses[i] == doctest::Approx(expected[i]).epsilon(1e-5));
  CHECK(shop.run("ldd examples/train_vae | grep -c -e libdnnl -e libstdc++ || true") == "0\n");
}

TEST_CASE("examples: the header is one of C++ too, and two models live in one program") {
  const Workshop shop;
  shop.run(std::string("weft compile vae --size 1x8x8 ") + small +
           "--entry encode --batch 1 -o one > made && weft compile vae --size 1x8x8 --hidden 7 --latent 3 --entry "
           "encode,train_step --batch 2 -o two > made");
  shop.folder.write("both.cpp", R"(#include <cstdio>
#include "one.h"
#include "two.h"
int main() {
  one* a = nullptr;
  two* b = nullptr;
  float x[2 * 64] = {}, code[6], logvar[6];
  if (one_create(&a, nullptr) || two_create(&b, nullptr)) return 1;
  if (one_encode(a, 1, x, code, logvar) || two_encode(b, 2, x, code, logvar)) return 2;
  std::printf("%d %s\n", one_encode(a, 2, x, code, logvar), one_error(a));
  one_destroy(a);
  two_destroy(b);
}
)");
  const char* expected =
      "1 encode at batch 2: it was compiled for batches of 1; run it in those, or add the batch to --batch of weft "
      "compile\n";
  CHECK(shop.run("c++ -Wall -Wextra -Werror both.cpp ./one.so ./two.so -Wl,-rpath,. -o both && ./both") == expected);
  CHECK(shop.run("c++ -Wall -Wextra -Werror both.cpp one.a two.a -ldnnl -fopenmp -o both && ./both") == expected);
}

TEST_CASE("examples: models run on threads of their own at once, and give the same bits") {
  const Workshop shop;
  shop.run("weft compile conv_vae --size 1x8x8 --widths 8,8 --latent 2 --entry train_step --batch 4 -o vae > made");
  shop.folder.write("threads.cpp", R"(#include <cstdio>
#include <thread>
#include <vector>
#include "vae.h"
static void train(int seed, int threads, float* losses) {
  vae* model = nullptr;
  if (vae_create(&model, nullptr) || vae_init(model, seed) || vae_threads(model, threads)) return;
  std::vector<uint8_t> images(4 * VAE_TRAIN_STEP_IMAGES);
  for (int step = 0; step < 50; ++step) {
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = uint8_t(i * (step + 1) * 37);
    float recon, kl;
    if (vae_train_step(model, 4, images.data(), &losses[step], &recon, &kl)) return;
  }
  vae_destroy(model);
}
int main() {
  float at_once[4][50] = {}, alone[50], with_two[50];
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&, i] { train(i, 1, at_once[i]); });
  for (auto& thread : threads) thread.join();
  int same = 0;
  for (int i = 0; i < 4; ++i) {
    train(i, 1, alone);
    train(i, 2, with_two);
    for (int step = 0; step < 50; ++step) same += alone[step] == at_once[i][step] && alone[step] == with_two[step];
  }
  std::printf("%d %d\n", same, alone[0] != alone[49] && alone[0] > 0);
}
)");
  CHECK(shop.run("c++ -O1 threads.cpp vae.a -ldnnl -fopenmp -o threads && ./threads") == "200 1\n");
}

TEST_CASE("examples: a program's own threads, the library's and one give the same bits") {
  for (const std::string mode : {"", "STANDALONE=1"}) {
    CAPTURE(mode);
    const Workshop shop;
    // Large enough for work to be shared: batch 64 of 784 numbers.
    shop.run("make -s -C examples BATCHES=64 CFLAGS='-O1 -Wall -Wextra -Werror' " + mode + " own_threads > made");
    const std::string output = shop.run("examples/own_threads 3");
    CHECK(contains(output, " chunks on 3 threads: the same codes"));
    CHECK(std::atoi(output.c_str()) > 3);
  }
}

TEST_CASE("examples: training steps of a standalone model have the same bits on any number of threads") {
  const Workshop shop;
  shop.run(
      "weft compile conv_vae --size 1x8x8 --widths 8,8 --latent 2 --entry train_step --batch 48 --standalone -o vae > "
      "made");
  shop.folder.write("steps.c", R"(#include <stdio.h>
#include <string.h>
#include "vae.h"
static uint8_t images[48 * VAE_TRAIN_STEP_IMAGES];
static int train(int threads, float* losses) {
  vae* model = NULL;
  if (vae_create(&model, NULL) || vae_init(model, 3) || vae_threads(model, threads)) return 1;
  for (int step = 0; step < 20; ++step) {
    for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i * (step + 1) * 37);
    float recon, kl;
    if (vae_train_step(model, 48, images, &losses[step], &recon, &kl)) return 1;
  }
  vae_destroy(model);
  return 0;
}
int main(void) {
  float one[20], more[20];
  if (train(1, one)) return 1;
  for (int threads = 2; threads <= 4; ++threads)
    if (train(threads, more) || memcmp(one, more, sizeof one)) return printf("%d threads differ\n", threads), 1;
  return printf("%d\n", one[0] > one[19]), 0;
}
)");
  CHECK(shop.run("cc -O1 -Wall -Werror steps.c vae.a -lm -o steps && ./steps") == "1\n");
}

TEST_CASE("examples: a library's threads end before it is unloaded") {
  for (const std::string mode : {"", " --standalone"}) {
    CAPTURE(mode);
    const Workshop shop;
    shop.run("weft compile vae --entry train_step --batch 64 -o vae" + mode + " > made");
    shop.folder.write("unload.c", R"(#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include "vae.h"
static int tasks(void) {
  int count = -2; /* . and .. */
  DIR* folder = opendir("/proc/self/task");
  while (readdir(folder)) ++count;
  return closedir(folder), count;
}
int main(void) {
  static uint8_t images[64 * VAE_TRAIN_STEP_IMAGES];
  float loss, recon, kl;
  for (int round = 0; round < 3; ++round) {
    void* library = dlopen("./vae.so", RTLD_NOW);
    if (!library) return puts(dlerror()), 1;
    int (*create)(vae**, const char*, uint64_t) = dlsym(library, "vae_create_checked");
    int (*threads)(vae*, int) = dlsym(library, "vae_threads");
    void (*destroy)(vae*) = dlsym(library, "vae_destroy");
    int (*run)(vae*, const char*, int64_t, const void* const*, const size_t*, void* const*, const size_t*) =
        dlsym(library, "vae_run");
    const void* in[] = {images};
    void* out[] = {&loss, &recon, &kl};
    const size_t in_bytes[] = {sizeof images}, out_bytes[] = {4, 4, 4};
    vae* model;
    if (create(&model, NULL, VAE_HASH) || threads(model, 3)) return 1;
    for (int step = 0; step < 10; ++step)
      if (run(model, "train_step", 64, in, in_bytes, out, out_bytes)) return 1;
    printf("%d ", tasks());
    destroy(model);
    dlclose(library);
    printf("%d ", tasks());
  }
  return 0;
}
)");
    CHECK(shop.run("cc -O1 unload.c -o unload && ./unload") == "3 1 3 1 3 1 ");
  }
}

TEST_CASE("examples: what is wrong has a text, and no crash") {
  const Workshop shop;
  shop.make("train_vae encode strangest");
  shop.run(train + "weft train vae --data data --batch 4 --hidden 6 --latent 3 --epochs 1 --out other > trained 2>&1");
  const std::string test = " data/t10k-images-idx3-ubyte";
  CHECK(contains(shop.complaint("examples/encode other/checkpoint.safetensors" + test),
                 "other/checkpoint.safetensors: not the weights of this model: encoder.heads."));
  shop.run("head -c 3000 run/checkpoint.safetensors > cut && head -c 100 examples/vae.json > examples/cut.json");
  CHECK(contains(shop.complaint("examples/encode cut" + test), "the file is damaged"));
  CHECK(contains(shop.complaint("examples/encode none" + test), "cannot open none"));
  CHECK(contains(shop.complaint("examples/strangest examples/cut.json" + test + " 0"), "it is not JSON"));
  // 12 pictures are no batch of 4 and 3; 10 are two of 4 and one of 2.
  weft::test::write_idx_folder(shop.folder, "odd", 8, 10, 10);
  CHECK(contains(shop.complaint("examples/train_vae odd/train-images-idx3-ubyte 1 5 c.safetensors"),
                 "train_step at batch 2: it was compiled for batches of 1, 3, 4"));
  CHECK_FALSE(fs::exists(shop.folder / "c.safetensors"));
  CHECK(contains(shop.complaint("examples/train_vae data/train-images-idx3-ubyte 1 5 none/c.safetensors"),
                 "cannot create none/c.safetensors"));
  // A header and a manifest of another compile than the library.
  shop.run(std::string("weft compile vae --size 1x8x8 ") + small +
           "--entry encode,score --batch 1,5 -o vae > made && "
           "cp vae.json examples/other.json && cc -Iexamples -I. -DBATCH=4 examples/encode.c vae.so -o mixed 2>&1");
  CHECK(contains(shop.complaint("examples/strangest examples/other.json" + test + " 0"), "comes from another compile"));
}

// --- The page --------------------------------------------------------------------------------------------------------

TEST_CASE("examples: the commands of docs/use/deploy.md, one after the other") {
  const Workshop shop;
  weft::test::write_idx_folder(shop.folder, "data", 28, 224, 70);  // of 224 the step takes 128 and 96
  std::istringstream page(weft::runtime::read_file(fs::path(WEFT_SOURCE_DIR) / "docs/use/deploy.md"));
  std::string script;
  int commands = 0;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside) {
      script += line + "\n";
      ++commands;
    }
  }
  CHECK(commands > 15);
  const std::string output = shop.run("set -e\n" + script);
  CHECK(contains(output, "epoch 2 loss "));
  CHECK(contains(output, "vae on 70 test images of data: loss "));
  CHECK(contains(output, "of 70 above 147"));
}
