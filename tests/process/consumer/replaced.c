/* A program in C that is linked to basalt::basic-global and says nothing of it, but for the checks. */
#include <basalt/basalt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t inner_usable_size(void*);
size_t inner_live(void);
void* inner_allocate(size_t);
void inner_free(void*);

int main(void) {
  const size_t before = inner_live();
  char* p = malloc(100000);
  memset(p, 1, 100000);
  const int well = basalt_is_active() && basalt_owns(p) && inner_usable_size(p) >= 100000 &&
                   inner_live() - before >= 100000;
  inner_free(p);
  void* q = inner_allocate(100);
  const int theirs = basalt_owns(q);
  free(q);
  puts(well && theirs && basalt_validate() == NULL ? "replaced" : "NOT replaced");
  return well && theirs ? 0 : 1;
}
