// The table of commands.
#include "tools/commands.h"

namespace weft::tools {

const std::vector<CommandInfo>& all_commands() {
  static const std::vector<CommandInfo> commands = {
      {"models", "List the models, or the options of one", make_models},
      {"train", "Train a model into a run: checkpoints, metrics, pictures, a report", make_train},
      {"eval", "Measure a trained model on the test images", make_eval},
      {"reconstruct", "Draw test images beside what a trained model makes of them", make_reconstruct},
      {"sample", "Draw images from a trained model's prior", make_sample},
      {"report", "Write the pictures and the report of a run again", make_report},
      {"dump", "Print a model at a stage of the compiler", make_dump},
      {"opt", "Run passes over a .weft file", make_opt},
      {"plan", "Print the memory plan of a training step, or the largest batch that fits", make_plan},
      {"bench", "Time a training step on each backend against this machine's limits", make_bench},
      {"doctor", "Say what this machine and this build can do", make_doctor},
  };
  return commands;
}

}  // namespace weft::tools
