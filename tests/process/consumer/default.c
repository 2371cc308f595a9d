/* Plain C: the allocator under its own names, malloc as it was. */
#include <basalt/basalt.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  void* p = malloc(10);
  void* q = basalt_malloc(10);
  const int well = !basalt_is_active() && !basalt_owns(p) && basalt_owns(q) && basalt_version()[0] == '0';
  free(p);
  basalt_free(q);
  puts(well ? "beside" : "NOT beside");
  return well ? 0 : 1;
}
