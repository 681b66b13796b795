// Kernels of DeviceTest, with the signature of runtime/schema/KernelAbi.h.

#include <stdint.h>

struct Context {
  int32_t error, argument;
  int64_t value, limit, row;
};

// arguments[0]: one i32 a task, counted up.
void count_tasks(void *const *arguments, struct Context *context, int64_t begin,
                 int64_t end) {
  (void)context;
  for (int64_t i = begin; i < end; ++i)
    ++((int32_t *)arguments[0])[i];
}

// arguments[0]: an i64, the task that fails.
void fail_at(void *const *arguments, struct Context *context, int64_t begin,
             int64_t end) {
  int64_t task = *(const int64_t *)arguments[0];
  if (task < begin || task >= end)
    return;
  context->error = 1;
  context->value = task;
  context->limit = 3;
  context->row = 3 * task;
}
