/* Makes a model from its manifest, the file NAME.json. */
#include "runtime/artefact/model.h"

typedef struct {
  const char *weft, *name, *hash, *weights; /* null if the manifest lacks them */
  uint64_t tables_version;
} weft_manifest;

static void weft_read_manifest(weft_json* json, weft_manifest* manifest) {
  const struct {
    const char* key;
    const char** value;
  } texts[] = {
      {"weft", &manifest->weft}, {"name", &manifest->name}, {"hash", &manifest->hash}, {"weights", &manifest->weights}};
  size_t count = 0;
  const char* key;
  weft_json_need(json, '{', "it is not an object");
  while ((key = weft_json_key(json, &count))) {
    const char** text = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i)
      if (strcmp(key, texts[i].key) == 0) text = texts[i].value;
    if (text && weft_json_peek(json) == '"') {
      *text = weft_json_string(json, "a text is missing");
    } else if (strcmp(key, "tables_version") == 0) {
      weft_json_count(json, &manifest->tables_version);
    } else {
      weft_json_skip(json, 0);
    }
  }
  weft_json_end(json);
}

static int weft_check_manifest(const weft_manifest* manifest, const char* path, weft_error* error) {
  char hash[24];
  snprintf(hash, sizeof hash, "%016llx", (unsigned long long)the_artefact.hash);
  if (!manifest->weft || !manifest->name || !manifest->hash || manifest->tables_version == 0)
    return weft_fail(error, WEFT_BAD_FILE,
                     "%s: not a manifest of weft compile: it lacks weft, name, hash or tables_version; name %s.json",
                     path, the_artefact.name);
  if (strcmp(manifest->name, the_artefact.name) != 0)
    return weft_fail(error, WEFT_WRONG_VERSION, "%s is the manifest of %.100s, not of %s", path, manifest->name,
                     the_artefact.name);
  if (manifest->tables_version == the_artefact.tables_version && strcmp(manifest->hash, hash) == 0) return WEFT_OK;
  return weft_fail(
      error, WEFT_WRONG_VERSION,
      "%s comes from another compile (weft %.40s, hash %.40s) than the library (weft %s, hash %s): take both "
      "from one",
      path, manifest->weft, manifest->hash, the_artefact.weft, hash);
}

/* The weights lie beside the manifest that names them. */
static int weft_create_beside_manifest(weft_model** model, const weft_manifest* manifest, const char* path,
                                       weft_error* error) {
  const char* slash = strrchr(path, '/');
  const int folder = slash ? (int)(slash - path) + 1 : 0;
  if (!manifest->weights) return weft_create(model, NULL, the_artefact.hash, error);
  const size_t bytes = strlen(path) + strlen(manifest->weights) + 1;
  char* weights = malloc(bytes);
  if (!weights) return weft_no_memory(error, bytes, "a file's name");
  snprintf(weights, bytes, "%.*s%s", manifest->weights[0] == '/' ? 0 : folder, path, manifest->weights);
  const int code = weft_create(model, weights, the_artefact.hash, error);
  free(weights);
  return code;
}

static int weft_open_manifest(weft_model** model, const char* path, char* text, size_t bytes, weft_error* error) {
  weft_manifest manifest = {NULL, NULL, NULL, NULL, 0};
  weft_json json = {text, text + bytes, NULL};
  weft_read_manifest(&json, &manifest);
  if (json.wrong)
    return weft_fail(error, WEFT_BAD_FILE, "%s: damaged, or not a manifest: it is not JSON (%s)", path, json.wrong);
  const int code = weft_check_manifest(&manifest, path, error);
  return code == WEFT_OK ? weft_create_beside_manifest(model, &manifest, path, error) : code;
}

WEFT_API int WEFT_NAME(create_from_manifest_checked)(weft_model** model, const char* manifest, uint64_t hash) {
  weft_error* const error = &weft_thread_error;
  uint64_t bytes = 0;
  weft_clear(error);
  if (!model) return weft_no_model("create_from_manifest");
  *model = NULL;
  if (!manifest) return weft_fail(error, WEFT_BAD_ARGUMENT, "create_from_manifest: the path is null");
  int code = weft_check_artefact(hash, error);
  if (code != WEFT_OK) return code;
  const int descriptor = weft_open(manifest, &bytes, error);
  if (descriptor < 0) return WEFT_BAD_FILE;
  char* text = bytes < (1u << 30) ? malloc(bytes + 1) : NULL;
  code = text ? weft_read(descriptor, manifest, text, bytes, error) : weft_no_memory(error, bytes, "a manifest");
  close(descriptor);
  if (code == WEFT_OK) {
    text[bytes] = '\0';
    code = weft_open_manifest(model, manifest, text, bytes, error);
  }
  free(text);
  return code;
}
