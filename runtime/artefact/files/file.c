/* Reading files, whole or in part. Messages keep room for what is wrong beside a long path. */
#include "runtime/artefact/model.h"

/* Opens a regular file for reading and finds its size; returns -1 and sets the message on failure. */
static int weft_open(const char* path, uint64_t* bytes, weft_error* error) {
  struct stat status;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    weft_fail(error, WEFT_BAD_FILE, "cannot open %.500s: %s; check the name", path, strerror(errno));
    return -1;
  }
  const int is_known = fstat(descriptor, &status) == 0;
  if (!is_known || !S_ISREG(status.st_mode)) {
    const char* what = is_known && S_ISDIR(status.st_mode) ? "a folder" : "not a regular file";
    weft_fail(error, WEFT_BAD_FILE, "cannot read %.500s: it is %s; check the name", path, what);
    close(descriptor);
    return -1;
  }
  *bytes = (uint64_t)status.st_size;
  return descriptor;
}

static int weft_read(int descriptor, const char* path, void* target, size_t bytes, weft_error* error) {
  unsigned char* next = (unsigned char*)target;
  while (bytes > 0) {
    const ssize_t got = read(descriptor, next, bytes < (1u << 30) ? bytes : (1u << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return weft_fail(error, WEFT_BAD_FILE, "cannot read %.500s: %s", path, strerror(errno));
    if (got == 0) return weft_fail(error, WEFT_BAD_FILE, "cannot read %.500s: it became shorter during reading", path);
    next += got;
    bytes -= (size_t)got;
  }
  return WEFT_OK;
}
