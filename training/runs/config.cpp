// Writes and reads config.json by one list of fields per struct.
#include "training/runs/config.h"

#include <array>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/hash.h"
#include "ir/text/print.h"
#include "ir/text/suggest.h"
#include "runtime/atomic_file.h"
#include "runtime/checksum.h"
#include "runtime/json_text.h"
#include "training/data/digits.h"

namespace weft::training {

namespace {

using OptimizerKind = passes::OptimizerSpec::Kind;

constexpr std::array<std::pair<OptimizerKind, std::string_view>, 6> kOptimizers{{{OptimizerKind::sgd, "sgd"},
                                                                                 {OptimizerKind::momentum, "momentum"},
                                                                                 {OptimizerKind::nesterov, "nesterov"},
                                                                                 {OptimizerKind::adam, "adam"},
                                                                                 {OptimizerKind::adamw, "adamw"},
                                                                                 {OptimizerKind::lars, "lars"}}};
constexpr std::array<std::pair<Schedule::Kind, std::string_view>, 2> kSchedules{
    {{Schedule::Kind::constant, "constant"}, {Schedule::Kind::cosine, "cosine"}}};

template <typename Table, typename Kind>
std::string_view name_in(const Table& table, Kind kind) {
  for (const auto& [known, text] : table)
    if (known == kind) return text;
  throw InternalError("a kind without a name");
}

template <typename Table>
std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [kind, known] : table) names.emplace_back(known);
  return names;
}

template <typename Table>
auto parse_in(const Table& table, std::string_view text, std::string_view what) {
  for (const auto& [kind, known] : table)
    if (known == text) return kind;
  fail("unknown {} {}{}", what, brief(text), did_you_mean(text, names_in(table)));
}

}  // namespace

std::string_view name(OptimizerKind kind) { return name_in(kOptimizers, kind); }
OptimizerKind parse_optimizer(std::string_view text) { return parse_in(kOptimizers, text, "optimizer"); }
std::vector<std::string> optimizer_names() { return names_in(kOptimizers); }
std::string_view name(Schedule::Kind kind) { return name_in(kSchedules, kind); }
Schedule::Kind parse_schedule(std::string_view text) { return parse_in(kSchedules, text, "schedule"); }
std::vector<std::string> schedule_names() { return names_in(kSchedules); }

DatasetSplits load_data(const DataOptions& options) {
  if (!is_built_in(options.folder)) return load_dataset(options.folder, {options.validation, 0, options.columns});
  DigitsOptions digits;
  digits.colour = options.folder == kColourDigitsName;
  if (options.validation) digits.validation = *options.validation;
  return make_digits(digits);
}

bool is_built_in(const std::string& name) {
  return name.empty() || ((name == kDigitsName || name == kColourDigitsName) && !std::filesystem::exists(name));
}

namespace {

using nlohmann::ordered_json;

// Writer and Reader visit the same list of fields of a struct.
class Writer {
 public:
  ordered_json json = ordered_json::object();

  template <typename T>
  void operator()(const char* key, const T& value) {
    json[key] = value;
  }
  void operator()(const char* key, const std::optional<std::int64_t>& value) {
    json[key] = value ? ordered_json(*value) : ordered_json();
  }
  void operator()(const char* key, OptimizerKind kind) { json[key] = name(kind); }
  // Images have no columns, so the config of their run omits them.
  void operator()(const char* key, const std::vector<Column>& columns) {
    for (const Column& column : columns)
      json[key].push_back({{"name", column.name}, {"offset", column.offset}, {"scale", column.scale}});
  }
  template <typename T>
  void added(const char* key, const T& value) {
    (*this)(key, value);
  }
  void operator()(const char* key, Schedule::Kind kind) { json[key] = name(kind); }
  void operator()(const char* key, Precision precision) { json[key] = name(precision); }
  void operator()(const char* key, Contractions contractions) { json[key] = name(contractions); }
};

class Reader {
 public:
  const ordered_json& json;

  template <typename T>
  void operator()(const char* key, T& value) const {
    value = runtime::json_member<T>(json, key);
  }
  void operator()(const char* key, std::optional<std::int64_t>& value) const {
    value.reset();
    if (json.contains(key) && !json[key].is_null()) (*this)(key, value.emplace());
  }
  // A field that older runs lack: they have its default.
  template <typename T>
  void added(const char* key, T& value) const {
    if (json.contains(key)) (*this)(key, value);
  }
  // A switch that older runs lack: they have its default.
  void operator()(const char* key, bool& value) const {
    if (json.contains(key)) operator()<bool>(key, value);
  }
  void operator()(const char* key, Precision& precision) const {
    if (json.contains(key)) precision = parse_precision(text(key));
  }
  // Older runs had the library's alone, and repeat its bits.
  void operator()(const char* key, Contractions& contractions) const {
    contractions = json.contains(key) ? parse_contractions(text(key)) : Contractions::onednn;
  }
  void operator()(const char* key, std::vector<Column>& columns) const {
    columns.clear();
    if (!json.contains(key)) return;
    if (!json[key].is_array()) fail("'{}' is not a list", key);
    for (const ordered_json& each : json[key]) {
      const Reader reader{each};
      Column& column = columns.emplace_back();
      reader("name", column.name);
      reader("offset", column.offset);
      reader("scale", column.scale);
    }
  }
  void operator()(const char* key, OptimizerKind& kind) const { kind = parse_optimizer(text(key)); }
  void operator()(const char* key, Schedule::Kind& kind) const { kind = parse_schedule(text(key)); }

 private:
  std::string text(const char* key) const {
    std::string value;
    (*this)(key, value);
    return value;
  }
};

// The fields of each part: `visit` is a Writer and the part const, or a Reader.
template <typename Visit, typename Data>
void data_fields(Visit& visit, Data& data) {
  visit("folder", data.folder);
  visit("validation", data.validation);
  visit("columns", data.columns);
}

template <typename Visit, typename Options>
void session_fields(Visit& visit, Options& options) {
  visit("backend", options.backend);
  visit("threads", options.threads);
  visit("seed", options.seed);
  visit("batch", options.batch);
  visit("contrastive", options.contrastive);
  visit("winograd", options.winograd);
  visit("precision", options.precision);
  visit("contractions", options.contractions);
}

template <typename Visit, typename Spec>
void optimizer_fields(Visit& visit, Spec& spec) {
  visit("kind", spec.kind);
  visit("learning_rate", spec.learning_rate);
  visit("momentum", spec.momentum);
  visit("beta1", spec.beta1);
  visit("beta2", spec.beta2);
  visit("epsilon", spec.epsilon);
  visit("weight_decay", spec.weight_decay);
  visit("decay_vectors", spec.decay_vectors);
  visit("clip_norm", spec.clip_norm);
  visit("trust", spec.trust);
}

template <typename Visit, typename Options>
void train_fields(Visit& visit, Options& options) {
  visit("epochs", options.epochs);
  visit("schedule", options.schedule.kind);
  visit("warmup_epochs", options.schedule.warmup_epochs);
  visit("beta_warmup_epochs", options.beta_warmup_epochs);
  visit("pretrain_epochs", options.pretrain_epochs);
  visit.added("checkpoint_minutes", options.checkpoint_minutes);
}

template <typename Fields, typename Part>
ordered_json write_part(Fields fields, const Part& part) {
  Writer writer;
  fields(writer, part);
  return writer.json;
}

template <typename Fields, typename Part>
void read_part(const ordered_json& json, const char* key, Fields fields, Part& part) {
  if (!json.contains(key) || !json[key].is_object()) fail("part '{}' is missing", key);
  Reader reader{json[key]};
  try {
    fields(reader, part);
  } catch (const Error& error) {
    fail("part '{}': {}", key, error.what());
  }
}

ordered_json json_of(const RunConfig& config) {
  ordered_json json;
  json["weft"] = WEFT_VERSION;
  if (!config.id.empty()) json["run"] = config.id;
  json["model"] = config.model;
  json["settings"] = config.settings;
  json["data"] = write_part([](auto& visit, auto& part) { data_fields(visit, part); }, config.data);
  json["session"] = write_part([](auto& visit, auto& part) { session_fields(visit, part); }, config.session);
  json["optimizer"] =
      write_part([](auto& visit, auto& part) { optimizer_fields(visit, part); }, config.session.optimizer);
  json["train"] = write_part([](auto& visit, auto& part) { train_fields(visit, part); }, config.train);
  return json;
}

// The fields that affect the result: all but those named here.
ordered_json computing_fields(const RunConfig& config) {
  ordered_json json = json_of(config);
  for (const char* key : {"weft", "run"}) json.erase(key);
  json["data"].erase("folder");
  json["session"].erase("threads");
  for (const char* key : {"epochs", "checkpoint_minutes"}) json["train"].erase(key);
  return json;
}

constexpr auto kAnyBytes = ordered_json::error_handler_t::replace;  // a setting may not be UTF-8

// For a message: a text without quotes.
std::string value_text(const ordered_json& value) {
  if (value.is_null()) return "unset";
  return brief(value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, kAnyBytes));
}

std::optional<FieldChange> find_change(const ordered_json& before, const ordered_json& after, const std::string& at) {
  if (before == after) return {};
  if (!before.is_object() || !after.is_object()) return FieldChange{at, value_text(before), value_text(after)};
  ordered_json both = before;
  both.update(after);
  for (const auto& [key, unused] : both.items())
    if (auto change = find_change(before.value(key, ordered_json()), after.value(key, ordered_json()),
                                  at.empty() ? key : at + "." + key))
      return change;
  return {};
}

}  // namespace

std::string run_id(const RunConfig& config, const ir::Module& module, std::initializer_list<const Dataset*> data) {
  std::uint64_t hash = fnv1a(computing_fields(config).dump(-1, ' ', false, kAnyBytes));
  hash = fnv1a(ir::print(module), hash);
  for (const Dataset* part : data)
    for (const runtime::HostTensor* tensor : {&part->samples, &part->labels})
      hash = fnv1a(
          fmt::format("{} {:08x} ", tensor->bytes.size(), runtime::crc32(tensor->bytes.data(), tensor->bytes.size())),
          hash);
  return fmt::format("{:016x}", hash);
}

std::optional<FieldChange> find_change(const RunConfig& before, const RunConfig& after) {
  return find_change(computing_fields(before), computing_fields(after), "");
}

void write_config(const std::filesystem::path& path, const RunConfig& config) {
  try {
    runtime::write_file(path, json_of(config).dump(2) + "\n", runtime::Links::replace);
  } catch (const ordered_json::exception& error) {
    fail("cannot write {}: a path or a setting is not UTF-8 ({}); rename it", path.string(),
         runtime::json_reason(error));
  }
}

RunConfig read_config(const std::filesystem::path& path) {
  const std::string text = runtime::read_file(path);
  RunConfig config;
  try {
    const ordered_json json = runtime::parse_json<ordered_json>(text);
    if (!json.is_object()) fail("it is not a JSON object");
    const Reader reader{json};
    reader.added("run", config.id);
    reader("model", config.model);
    reader("settings", config.settings);
    read_part(
        json, "data", [](auto& visit, auto& part) { data_fields(visit, part); }, config.data);
    read_part(
        json, "session", [](auto& visit, auto& part) { session_fields(visit, part); }, config.session);
    read_part(
        json, "optimizer", [](auto& visit, auto& part) { optimizer_fields(visit, part); }, config.session.optimizer);
    read_part(
        json, "train", [](auto& visit, auto& part) { train_fields(visit, part); }, config.train);
  } catch (const Error& error) {
    fail("{}: not the configuration of a run: {}", path.string(), error.what());
  }
  return config;
}

}  // namespace weft::training
