// The sampled heap profile: see include/basalt/basalt.h for what each function promises.
#include <basalt/basalt.h>

#include <cerrno>

#include "../base/compiler.hpp"
#include "../observe/pprof.hpp"
#include "../platform/images.hpp"
#include "../platform/raw_os.hpp"
#include "../platform/write_all.hpp"
#include "first_use.hpp"
#include "kitchen.hpp"

using basalt::door::kitchen;

namespace {

using basalt::Error;
using basalt::Image;
using basalt::observe::ProfileCopy;
using basalt::observe::Site;

constexpr std::size_t usual_period = 512 * basalt::KiB;
constexpr std::size_t most_images = 4096;

[[nodiscard]] Error sample_every(std::size_t period) noexcept {
  Error error;
  kitchen.with_sampler([&](auto&& sampler) { error = sampler.set_period(period); });
  return error;
}

// Memory of the system's for as long as a profile is written.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) noexcept : bytes_{bytes}, memory_{basalt::RawOs::map(bytes)} {}
  ~Scratch() {
    if (memory_.ok()) (void)basalt::RawOs::unmap({memory_.value, bytes_});
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] Error error() const noexcept { return memory_.error; }
  [[nodiscard]] std::byte* begin() const noexcept { return memory_.value; }

 private:
  std::size_t bytes_;
  basalt::Result<std::byte*> memory_;
};

// Effects: writes what was copied.  Returns: what the system said when it could not take it.
[[nodiscard]] Error write(int file, const ProfileCopy& copy) noexcept {
  Error error;
  const auto out = [file, &error](const std::byte* bytes, std::size_t size) {
    if (!error) error = basalt::write_all(file, bytes, size);
  };
  basalt::observe::PprofWriter{copy, out}.write();
  return error;
}

// The images are found before the sites are copied: what has been called by then is in one of them, unless it is gone.
[[nodiscard]] Error write_profile(int file) noexcept {
  std::size_t sites = 0;
  kitchen.with_sampler([&sites](auto&& sampler) { sites = sampler.profile().figures().sites; });
  const std::size_t calls = sites * Site::most_calls * sizeof(std::uintptr_t);
  const Scratch scratch{sites * sizeof(Site) + calls + most_images * sizeof(Image)};
  if (scratch.error()) return scratch.error();
  auto* const copied = reinterpret_cast<Site*>(scratch.begin());
  auto* const images = reinterpret_cast<Image*>(scratch.begin() + sites * sizeof(Site) + calls);
  ProfileCopy copy;
  copy.sites = copied;
  copy.calls = reinterpret_cast<std::uintptr_t*>(scratch.begin() + sites * sizeof(Site));
  copy.images = images;
  copy.image_count = basalt::find_images(images, most_images);
  kitchen.with_sampler([&](auto&& sampler) {
    copy.site_count = sampler.profile().copy(copied, sites);
    copy.figures = sampler.profile().figures();
  });
  copy.now = basalt::wall_nanoseconds();
  copy.duration = copy.figures.began_at == 0 ? 0 : basalt::steady_nanoseconds() - copy.figures.began_at;
  return write(file, copy);
}

}  // namespace

extern "C" {

BASALT_DOOR int basalt_profile_start(size_t bytes_between_samples) {
  basalt::door::enter();
  kitchen.guarded().reseed();
  return sample_every(bytes_between_samples == 0 ? usual_period : bytes_between_samples).number;
}

BASALT_DOOR void basalt_profile_stop() { (void)sample_every(0); }

BASALT_DOOR int basalt_profile_write_fd(int fd) { return write_profile(fd).number; }

BASALT_DOOR int basalt_profile_write(const char* path) {
  if (path == nullptr) return EINVAL;
  const basalt::Result<int> file = basalt::RawOs::open_file(path);
  if (!file.ok()) return file.error.number;
  (void)basalt::RawOs::resize_file(file.value, 0);  // refused where there is nothing to cut: of a pipe
  const Error error = write_profile(file.value);
  basalt::RawOs::close_file(file.value);
  return error.number;
}

BASALT_DOOR void basalt_profile_inspect(struct basalt_profile_figures* out) {
  basalt::observe::ProfileFigures figures;
  kitchen.with_sampler([&](auto&& sampler) {
    figures = sampler.profile().figures();
    out->table_bytes = sampler.profile().table_bytes();
  });
  out->period = kitchen.policy().sample_bytes.load(std::memory_order_relaxed);
  out->sampled = figures.sampled;
  out->lost = figures.lost;
  out->live = figures.live;
  out->sites = figures.sites;
}

}  // extern "C"
