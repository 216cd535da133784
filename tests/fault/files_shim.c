/* Preloaded into a program whose file calls are to fail: cc -shared -fPIC files_shim.c -o files_shim.so -ldl
 *
 * Calls on files below FAULT_UNDER are counted: open, read, write, fsync, close, rename, ftruncate, mkdir, unlink. Call
 * FAULT_AT of the kind FAULT_CALL ("any": of all kinds) fails as FAULT_ERROR says: EIO, ENOSPC, EINTR, or short (a read
 * or write of half the bytes). FAULT_FOREVER: so do all later ones of that kind. A close fails after it closed, as on
 * Linux. At the end FAULT_COUNT is given one line a kind, "write 17", and "fired 1" where something failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN, READ, WRITE, FSYNC, CLOSE, RENAME, FTRUNCATE, MKDIR, UNLINK, KINDS };
static const char* const names[] = {"open", "read", "write", "fsync", "close", "rename", "ftruncate", "mkdir", "unlink"};

static int counts[KINDS], all, fired;
static __thread int inside; /* calls that this file makes itself */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_below(const char* path) {
  const char* under = getenv("FAULT_UNDER");
  char whole[PATH_MAX];
  if (!under || !path) return 0;
  if (path[0] != '/' && getcwd(whole, sizeof whole)) {
    strncat(whole, "/", sizeof whole - strlen(whole) - 1);
    strncat(whole, path, sizeof whole - strlen(whole) - 1);
    path = whole;
  }
  return strncmp(path, under, strlen(under)) == 0;
}

static int is_file_below(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return is_below(path);
}

/* 0: the call goes on; 1: it is to fail with errno, which is set; 2: it is to be short. */
static int fails(int kind) {
  const char *call = getenv("FAULT_CALL"), *error = getenv("FAULT_ERROR"), *at = getenv("FAULT_AT");
  const int number = ++counts[kind], of_all = ++all;
  if (!call || !error || !at || inside) return 0;
  const int is_any = strcmp(call, "any") == 0;
  if (!is_any && strcmp(call, names[kind]) != 0) return 0;
  const int now = is_any ? of_all : number;
  if (now != atoi(at) && !(getenv("FAULT_FOREVER") && now > atoi(at))) return 0;
  fired = 1;
  if (strcmp(error, "short") == 0) return 2;
  errno = strcmp(error, "ENOSPC") == 0 ? ENOSPC : strcmp(error, "EINTR") == 0 ? EINTR : EIO;
  return 1;
}

__attribute__((destructor)) static void tell(void) {
  const char* path = getenv("FAULT_COUNT");
  if (!path) return;
  inside = 1;
  FILE* file = fopen(path, "w");
  if (!file) return;
  for (int i = 0; i < KINDS; ++i) fprintf(file, "%s %d\n", names[i], counts[i]);
  fprintf(file, "any %d\nfired %d\n", all, fired);
  fclose(file);
}

#define OPENS(name)                                                       \
  int name(const char* path, int flags, ...) {                            \
    va_list more;                                                         \
    va_start(more, flags);                                                \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                         \
    if (is_below(path) && fails(OPEN)) return -1;                         \
    return REAL(name)(path, flags, mode);                                 \
  }
OPENS(open)
OPENS(open64)

ssize_t read(int descriptor, void* to, size_t bytes) {
  const int how = is_file_below(descriptor) ? fails(READ) : 0;
  if (how == 1) return -1;
  return REAL(read)(descriptor, to, how == 2 && bytes > 1 ? bytes / 2 : bytes);
}

ssize_t write(int descriptor, const void* from, size_t bytes) {
  const int how = is_file_below(descriptor) ? fails(WRITE) : 0;
  if (how == 1) return -1;
  return REAL(write)(descriptor, from, how == 2 && bytes > 1 ? bytes / 2 : bytes);
}

int fsync(int descriptor) {
  return is_file_below(descriptor) && fails(FSYNC) ? -1 : REAL(fsync)(descriptor);
}

int close(int descriptor) {
  const int how = is_file_below(descriptor) ? fails(CLOSE) : 0, error = errno;
  const int result = REAL(close)(descriptor);
  if (how == 0) return result;
  errno = error;
  return -1;
}

#define RENAMES(name, kind, parameters, path, arguments) \
  int name parameters { return is_below(path) && fails(kind) ? -1 : REAL(name) arguments; }
RENAMES(rename, RENAME, (const char* from, const char* to), to, (from, to))
RENAMES(mkdir, MKDIR, (const char* path, mode_t mode), path, (path, mode))
RENAMES(unlink, UNLINK, (const char* path), path, (path))
RENAMES(remove, UNLINK, (const char* path), path, (path))
int ftruncate(int descriptor, off_t size) {
  return is_file_below(descriptor) && fails(FTRUNCATE) ? -1 : REAL(ftruncate)(descriptor, size);
}
int ftruncate64(int descriptor, off64_t size) {
  return is_file_below(descriptor) && fails(FTRUNCATE) ? -1 : REAL(ftruncate64)(descriptor, size);
}
