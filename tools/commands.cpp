// The table of commands.
#include "tools/commands.h"

namespace weft::tools {

const std::vector<CommandInfo>& all_commands() {
  static const std::vector<CommandInfo> commands = {
      {"models", "List the models, or the options of one", make_models},
      {"train", "Train a model into a run: checkpoints, metrics, pictures, a report", make_train},
      {"eval", "Measure a trained model on the test images", make_eval},
      {"reconstruct", "Draw test images beside what a trained model makes of them", make_reconstruct},
      {"sample", "Draw images from random codes of a trained model, or judge them", make_sample},
      {"interpolate", "Go from one image to another through the latent space, or judge the way", make_interpolate},
      {"embed", "Write a trained model's codes of the data as .npy", make_embed},
      {"latent", "Measure and draw a trained model's latent space", make_latent},
      {"probe", "Measure what a trained encoder knows of the classes, beside cheap rivals", make_probe},
      {"finetune", "Teach a trained encoder the classes by few labels, beside the same net from scratch",
       make_finetune},
      {"anomaly", "Learn what is normal in a table or in images, and find what is not", make_anomaly},
      {"report", "Write the pictures and the report of a run again", make_report},
#ifdef WEFT_WITH_CPU
      {"compile", "Compile entries of a model into libraries and a C header", make_compile},
#endif
      {"export", "Write a model for other programs: ONNX, or weights for PyTorch", make_export},
      {"dump", "Print a model at a stage of the compiler", make_dump},
      {"opt", "Run passes over a .weft file", make_opt},
      {"plan", "Print the memory plan of a training step, or the largest batch that fits", make_plan},
      {"bench", "Time a training step on each backend against this machine's limits", make_bench},
      {"doctor", "Say what this machine and this build can do", make_doctor},
  };
  return commands;
}

}  // namespace weft::tools
