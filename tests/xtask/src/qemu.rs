// SPDX-License-Identifier: GPL-2.0 OR MIT
//! QEMU's command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use gen9_gpu::seed::{TAG, TAG_MASK};

use crate::command;
use crate::kernel::Image;

/// How QEMU executes the VM's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// Translated: works everywhere.
    Tcg,
    /// By the CPU, through /dev/kvm.
    Kvm,
}

/// Virtual CPUs of a VM.
const CPUS: u32 = 2;
/// The CPU, with four levels of page tables as those have that come with these GPUs. With five,
/// KASAN takes good addresses for wild ones while the kernel identifies its CPU (observed: an
/// interrupt meanwhile finds `x86_virt_bits` at 48). And without fast string instructions: where they
/// are, kernel and libc copy by single bytes what is large, and on the aperture each is a message.
const CPU: &str = "max,la57=off,erms=off,fsrm=off,fsrs=off,fzrm=off";
/// What makes the VM's clock advance by a nanosecond an instruction while it executes any. With one
/// CPU, as the CPUs of such a VM execute one after the other.
const COUNTED: &str = "shift=0";

/// The PCI slot of the serial ports; the shared folders follow. The GPU is in slot 2.
const SERIAL_SLOT: u32 = 3;

/// Keeps the kernel from testing its timer and comparing its clocks: in an emulated machine on a
/// busy one all are late, and it complains of that, the former at error level.
const CLOCKS: &str = "no_timer_check tsc=nowatchdog";

/// A VM as QEMU sees it.
pub struct Machine<'a> {
    /// The tree with QEMU.
    pub qemu: &'a Path,
    /// The kernel.
    pub image: &'a Image,
    /// The initramfs.
    pub initramfs: &'a Path,
    /// The Debian tree.
    pub root: &'a Path,
    /// A folder laid over the tree.
    pub overlay: Option<&'a Path>,
    /// A folder that the VM may mount by the tag `share`.
    pub share: Option<&'a Path>,
    /// The kernel's command line beyond the console's.
    pub append: &'a str,
    /// Memory, as QEMU writes it (`2G`).
    pub ram: &'a str,
    /// How code is executed.
    pub accel: Accel,
    /// Whether the VM's clock counts instructions.
    pub counted: bool,
    /// The socket of the software GPU, which sits at 00:02.0.
    pub gpu: &'a Path,
    /// Whether the VM goes on before the GPU has seen what it writes.
    pub posted: bool,
    /// The file that takes the kernel's console.
    pub console: &'a Path,
    /// Ports by the name that the guest sees, each with the socket QEMU connects it to.
    pub ports: &'a [(&'static str, PathBuf)],
    /// Whether stdin and stdout are the VM's terminal.
    pub terminal: bool,
}

impl Machine<'_> {
    /// The command that runs the VM.
    pub fn command(&self) -> Command {
        let libraries = self.qemu.join("usr/lib/x86_64-linux-gnu");
        // The tree is of another release than this machine: it brings its own loader.
        let mut command = command::tied(self.qemu.join("usr/lib64/ld-linux-x86-64.so.2"));
        command
            .arg("--library-path")
            .arg(&libraries)
            .arg(self.qemu.join("usr/bin/qemu-system-x86_64"))
            .env("QEMU_MODULE_DIR", libraries.join("qemu"))
            .args(self.arguments());
        command
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut args = Arguments::default();
        for folder in ["usr/share/qemu", "usr/share/seabios"] {
            args.pair("-L", self.qemu.join(folder).into_os_string());
        }
        let (accel, cpu, cpus) = match self.accel {
            Accel::Tcg if self.counted => ("tcg,thread=single", CPU, 1),
            Accel::Tcg => ("tcg,thread=multi", CPU, CPUS),
            Accel::Kvm => ("kvm", "host", CPUS),
        };
        args.pair("-machine", "pc,memory-backend=ram");
        args.pair("-accel", accel);
        args.pair("-cpu", cpu);
        args.pair("-smp", cpus.to_string());
        if self.counted {
            args.pair("-icount", COUNTED);
        }
        args.pair("-m", self.ram);
        // The GPU's process maps the same memory.
        args.pair(
            "-object",
            format!("memory-backend-memfd,id=ram,size={},share=on", self.ram),
        );
        for flag in ["-nodefaults", "-no-reboot"] {
            args.0.push(flag.into());
        }
        args.pair("-vga", "none");
        args.pair("-display", "none");
        args.pair(
            "-chardev",
            format!("file,id=console,path={}", escape(self.console)),
        );
        args.pair("-serial", "chardev:console");
        // QEMU makes devices in JSON last: the others must keep off the GPU's place.
        args.pair("-device", gpu_device(self.gpu, self.posted));
        args.pair(
            "-device",
            format!("virtio-serial-pci,addr={SERIAL_SLOT:#x}"),
        );
        for (place, (name, socket)) in self.ports.iter().enumerate() {
            args.pair(
                "-chardev",
                format!("socket,id=port{place},path={}", escape(socket)),
            );
            args.pair(
                "-device",
                format!("virtserialport,chardev=port{place},name={name}"),
            );
        }
        if self.terminal {
            args.pair("-chardev", "stdio,id=terminal,signal=off");
            args.pair("-device", "virtconsole,chardev=terminal");
        }
        let modules = self.image.modules();
        let shares = [
            ("root", Some(self.root)),
            ("modules", Some(&modules)),
            ("overlay", self.overlay),
            ("share", self.share),
        ];
        for (slot, (tag, folder)) in (SERIAL_SLOT + 1..).zip(shares) {
            if let Some(folder) = folder {
                args.share(tag, folder, slot);
            }
        }
        args.pair("-kernel", self.image.kernel.clone().into_os_string());
        args.pair("-initrd", self.initramfs.as_os_str().to_owned());
        let overlay = if self.overlay.is_some() {
            " lab.overlay"
        } else {
            ""
        };
        args.pair(
            "-append",
            format!(
                "console=ttyS0 panic=-1 {CLOCKS} {} {}{overlay}",
                firmwares_memory(),
                self.append
            ),
        );
        args.0
    }
}

/// A list of arguments.
#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn pair(&mut self, option: &str, value: impl Into<OsString>) {
        self.0.push(option.into());
        self.0.push(value.into());
    }

    /// Shares a folder read-only over 9p under a tag.
    fn share(&mut self, tag: &str, folder: &Path, slot: u32) {
        let path = escape(folder);
        self.pair(
            "-fsdev",
            format!("local,id={tag},path={path},security_model=none,readonly=on,multidevs=remap"),
        );
        self.pair(
            "-device",
            format!("virtio-9p-pci,fsdev={tag},mount_tag={tag},addr={slot:#x}"),
        );
    }
}

/// Keeps the memory for firmware to which the GPU's registers lead, those that firmware has set:
/// i915 looks there for the OpRegion.
fn firmwares_memory() -> String {
    format!("memmap={}${TAG:#x}", u64::from(!TAG_MASK) + 1)
}

/// A path inside a comma-separated option: QEMU takes a double comma for one.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// The vfio-user device, which QEMU takes only in JSON.
fn gpu_device(socket: &Path, posted: bool) -> String {
    let waits = !posted;
    let path = socket
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!(
        r#"{{"driver":"vfio-user-pci","addr":"02.0","x-no-posted-writes":{waits},"socket":{{"type":"unix","path":"{path}"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_when_path_has_a_comma_then_doubled() {
        assert_eq!(escape(Path::new("/a,b")), "/a,,b");
    }

    #[test]
    fn firmwares_memory_then_is_that_of_the_secrets() {
        assert_eq!(firmwares_memory(), "memmap=1048576$0x5ec00000");
    }

    #[test]
    fn gpu_device_when_path_has_a_quote_then_json_stays_whole() {
        assert!(gpu_device(Path::new("/a\"b"), true).contains(r#"/a\"b"#));
    }
}
