// What the program `weft` prints with --json, and the files it leaves beside it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "tests/support/shell_cases.h"
#include "tests/tools/small_data.h"

using namespace weft::test;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> keys_of(const nlohmann::ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("anomaly --json: rows off a ring are found, and new rows are scored as those were") {
  const TempFolder folder;
  std::string table = "x,y,anomaly\n";
  for (int i = 0; i < 400; ++i) {
    const double angle = i * 2.399963, radius = 100 + i % 7;
    table += std::to_string(radius * std::cos(angle)) + "," + std::to_string(radius * std::sin(angle)) + ",0\n";
  }
  for (int i = 0; i < 20; ++i) table += std::to_string(160 + i) + "," + std::to_string(i) + ",1\n";
  folder.write("table.csv", table);
  const ShellResult result =
      run_shell("weft anomaly --data table.csv --out found --steps 300 --threads 1 --json", folder.path());
  CAPTURE(result.errors);
  REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::ordered_json::parse(lines_of(result.output).back());
  CHECK(keys_of(json) == Keys{"data", "model", "train", "test", "anomalies", "auroc", "auprc", "threshold",
                              "flagged_anomalies", "flagged_normal", "views", "pca", "seconds"});
  CHECK(json["train"] == 200);
  CHECK(json["test"] == 220);
  CHECK(json["anomalies"] == 20);
  CHECK(json["auroc"] > .98);
  for (const char* file : {"roc.png", "precision_recall.png", "anomaly.json", "checkpoint.safetensors"})
    CHECK(fs::exists(folder / "found" / file));

  folder.write("fresh.csv", "x,y\n100,0\n400,400\n");
  const ShellResult scored =
      run_shell("weft anomaly score --run found --data fresh.csv --threads 1 --json", folder.path());
  CAPTURE(scored.errors);
  REQUIRE(scored.exit_code == 0);
  const auto scores = nlohmann::ordered_json::parse(lines_of(scored.output).back());
  CHECK(scores["threshold"] == json["threshold"]);
  CHECK(scores["flagged"] == 1);
  CHECK(scores["scores"][1] > scores["threshold"]);

  for (const std::string model : {"vae", "conv_autoencoder"}) {  // any model that scores
    const ShellResult other =
        run_shell("weft anomaly --data table.csv --steps 20 --threads 1 --model " + model, folder.path());
    CAPTURE(other.errors);
    CHECK(other.exit_code == 0);
  }
}

TEST_CASE("finetune takes over the encoder of every autoencoder, a variational one too") {
  const TempFolder folder;
  write_data(folder);
  for (const char* model : {"conv_vae --widths 2,3 --latent 3", "conv_autoencoder --widths 2,3 --latent 3",
                            "vae --hidden 6 --latent 3", "stacked_autoencoder --hidden 6 --latent 3 --noise masking"}) {
    CAPTURE(model);
    const std::string train = "weft train " + std::string(model) + " --data data --epochs 1 --replace --out mine && ";
    const ShellResult result =
        run_shell(train + "weft finetune mine --labels 8,all --draws 2 --steps 2 --json", folder.path());
    CAPTURE(result.errors);
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::ordered_json::parse(lines_of(result.output).back());
    REQUIRE(json["results"].size() == 2);
    CHECK(keys_of(json["results"][0]) == Keys{"labels", "epochs", "error_percent", "scratch_error_percent", "draws"});
    CHECK(json["results"][0]["draws"].size() == 2);
  }
}

TEST_CASE("train --json: the last line is one object with the fields agreed on") {
  const TempFolder folder;
  write_data(folder);
  const ShellResult result =
      run_shell(std::string("weft train ") + small_model + "--epochs 2 --seed 3 --json", folder.path());
  CAPTURE(result.errors);
  REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::ordered_json::parse(lines_of(result.output).back());
  CHECK(keys_of(json) == Keys{"model", "epochs", "steps", "seed", "seconds", "images_per_second", "test"});
  CHECK(keys_of(json["test"]) == Keys{"loss", "recon", "kl"});
  CHECK(json["model"] == "vae");
  CHECK(json["epochs"] == 2);
  CHECK(json["steps"] == 20);  // 37 images in batches of 4; three are held out
  CHECK(json["seed"] == 3);
  for (const char* name :
       {"config.json", "model.weft", "metrics.jsonl", "checkpoint.safetensors", "report.html", "reconstructions.png",
        "samples.png", "interpolation.png", "filters.png", "latent.png", "units.png", "traversals.png", "loss.png"})
    CHECK_MESSAGE(fs::exists(folder / "run/vae" / name), name);
}

TEST_CASE("what looks at a run: eval, reconstruct, sample, report") {
  const TempFolder folder;
  write_data(folder);
  const ShellResult trained =
      run_shell(std::string("weft train ") + small_model + "--epochs 1 --json --out mine", folder.path());
  REQUIRE(trained.exit_code == 0);
  // From another folder: the run knows where its data are.
  fs::create_directory(folder / "elsewhere");
  const ShellResult eval = run_shell("cd elsewhere && weft eval ../mine --json", folder.path());
  CAPTURE(eval.errors);
  REQUIRE(eval.exit_code == 0);
  const auto at_training = nlohmann::json::parse(lines_of(trained.output).back());
  const auto now = nlohmann::json::parse(lines_of(eval.output).back());
  CHECK(now["test"] == at_training["test"]);
  CHECK(now["images"] == 12);

  CHECK(run_shell("weft reconstruct vae --out mine --to a.png --count 5", folder.path()).exit_code == 0);
  CHECK(run_shell("weft sample mine --to b.png --count 9", folder.path()).exit_code == 0);
  CHECK(run_shell("weft sample mine --to c.png --count 9 --seed 5", folder.path()).exit_code == 0);
  CHECK(weft::runtime::read_file(folder / "a.png").starts_with("\x89PNG"));
  CHECK(weft::runtime::read_file(folder / "b.png") != weft::runtime::read_file(folder / "c.png"));
  fs::remove(folder / "mine/report.html");
  CHECK(run_shell("weft report mine", folder.path()).exit_code == 0);
  CHECK(fs::exists(folder / "mine/report.html"));
}

TEST_CASE("applications of a run: embed, latent, interpolate, sample, importance samples, each with --json") {
  const TempFolder folder;
  write_data(folder);
  REQUIRE(run_shell(std::string("weft train ") + small_model + "--epochs 1 --out mine", folder.path()).exit_code == 0);
  REQUIRE(run_shell("weft train autoencoder --data data --hidden 6 --latent 3 --epochs 1", folder.path()).exit_code ==
          0);
  REQUIRE(run_shell("weft train classifier --data data --encoder mlp --hidden 6 --epochs 1 --out judge", folder.path())
              .exit_code == 0);
  const auto answer = [&](const std::string& command) {
    const ShellResult result = run_shell(command + " --json", folder.path());
    CAPTURE(command);
    CAPTURE(result.errors);
    REQUIRE(result.exit_code == 0);
    return nlohmann::ordered_json::parse(lines_of(result.output).back());
  };
  const auto embed = answer("weft embed --run mine -o codes.npy --split train");
  CHECK(embed["shape"] == std::vector<int>{37, 2});
  CHECK(weft::runtime::read_file(folder / "codes.npy").starts_with("\x93NUMPY"));
  CHECK(weft::runtime::read_file(folder / "codes_labels.npy").starts_with("\x93NUMPY"));
  CHECK(fs::file_size(folder / "codes.npy") == 128 + 37 * 2 * 4);

  const auto latent = answer("weft latent mine --tsne");
  CHECK(latent["units"] == 2);
  CHECK(latent["unit"].size() == 2);
  CHECK(latent["kl"] == doctest::Approx(double(latent["unit"][0]["kl"]) + double(latent["unit"][1]["kl"])));
  for (const char* name : {"latent.png", "units.png", "maps.png", "traversals.png", "plane.png"})
    CHECK_MESSAGE(fs::exists(folder / "mine" / name), name);
  CHECK(!answer("weft latent autoencoder").contains("kl"));

  const auto strip = answer("weft interpolate mine --from 0 --to 3 --steps 5 --path spherical --picture strip.png");
  CHECK(keys_of(strip) == Keys{"model", "from", "to", "steps", "path", "picture"});
  CHECK(fs::exists(folder / "strip.png"));
  const auto judged = answer("weft interpolate mine --judge judge --pairs 20 --steps 5");
  CHECK(keys_of(judged) ==
        Keys{"model", "judge", "judge_accuracy", "pairs", "steps", "path", "pictures", "latent", "pixel"});
  CHECK(judged["pictures"] == 60);
  CHECK(keys_of(judged["latent"]) == Keys{"sure", "entropy"});

  const auto samples = answer("weft sample mine --judge judge --count 50");
  CHECK(keys_of(samples) == Keys{"model", "judge", "judge_accuracy", "draw", "pictures", "sure", "entropy"});
  CHECK(answer("weft sample autoencoder --draw box --beside mine --to both.png")["draw"] == "box");
  CHECK(answer("weft sample autoencoder")["draw"] == "normal");
  CHECK(answer("weft sample mine")["draw"] == "prior");

  const auto eval = answer("weft eval mine --iwae 4 --limit 5");
  CHECK(eval["images"] == 5);
  CHECK(eval["iwae"]["samples"] == 4);
  CHECK(eval["iwae"]["nll"] > 0.0);
  for (const char* command : {"embed", "latent", "interpolate", "sample", "eval"})
    CHECK(run_shell(std::string("weft ") + command + " --help", folder.path()).exit_code == 0);
}

TEST_CASE("bench --json and the worker of bench/peers") {
  const TempFolder folder;
  const ShellResult bench =
      run_shell("weft bench vae --hidden 6 --latent 2 --batch 4 --threads 1 --seconds 0.05 --json", folder.path());
  CAPTURE(bench.errors);
  REQUIRE(bench.exit_code == 0);
  const auto json = nlohmann::ordered_json::parse(lines_of(bench.output).back());
  Keys keys = keys_of(json);
  REQUIRE(keys.size() >= 11);
  keys.resize(11);
  CHECK(keys == Keys{"model", "backend", "batch", "threads", "compile_ms", "step_ms", "limit_ms", "gflops",
                     "arena_bytes", "naive_bytes", "lower_bound_bytes"});
  CHECK(keys_of(json["step_ms"]) == Keys{"median", "p10", "p90"});
  CHECK(json["batch"] == 4);
  CHECK(json["threads"] == 1);
  CHECK(json["compile_ms"] > 0.0);
  CHECK(json["limit_ms"] > 0.0);
  CHECK(json["step_ms"]["median"] > 0.0);
  CHECK(json["lower_bound_bytes"] <= json["arena_bytes"]);
  CHECK(json["arena_bytes"] <= json["naive_bytes"]);

  const ShellResult worker =
      run_shell("printf 'run 3\\nrun 1\\nquit\\nrun 7\\n' | weft bench vae --hidden 6 --latent 2 --batch 4 --worker",
                folder.path());
  REQUIRE(worker.exit_code == 0);
  const std::vector<std::string> lines = lines_of(worker.output);
  REQUIRE(lines.size() == 2);
  CHECK(nlohmann::json::parse(lines[0])["ms"].size() == 3);
  CHECK(nlohmann::json::parse(lines[1])["ms"].size() == 1);
}
