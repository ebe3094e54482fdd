//! Sources that have an item only now and then: what has been pulled is processed at once.

use std::hint;
use std::io::{BufRead, BufReader, Write};
use std::iter;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use support::limited;
use threadsafe_gen::{ThreadsafeExt, ThreadsafeIter, generator, threadsafe_generator};

use crate::{Count, Numbers, Used, annotated, in_one_of_several_tries, pool, pools, sleep};

/// Messages are processed while the channel stays open.
#[test]
fn an_open_channel_has_all_its_messages_processed() {
    limited(|| {
        for pool in pools(&[1, 2, 4, 8]) {
            for messages in [1, 2, 3, 10, 100, 1010, 4000] {
                let (sender, receiver) = mpsc::channel();
                let shared = receiver.into_iter().threadsafe();
                let processed = Count::default();
                thread::scope(|scope| {
                    let drive =
                        scope.spawn(|| pool.install(|| shared.par_iter().map(|()| processed.add_one()).count()));
                    for _ in 0..messages {
                        sender.send(()).unwrap();
                    }
                    processed.wait_for(messages);
                    drop(sender);
                    assert_eq!(drive.join().unwrap(), messages);
                });
            }
        }
    });
}

#[test]
fn a_sender_that_waits_for_each_answer_gets_it() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let (sender, receiver) = mpsc::channel::<usize>();
            let (answers, answered) = mpsc::channel();
            let shared = receiver.into_iter().threadsafe();
            thread::scope(|scope| {
                scope.spawn(|| pool.install(|| shared.par_iter().for_each(|n| answers.send(n).unwrap())));
                for n in 0..2000 {
                    sender.send(n).unwrap();
                    assert_eq!(answered.recv_timeout(Duration::from_secs(10)), Ok(n));
                }
                drop(sender);
            });
        }
    });
}

/// Bursts of all sizes, cheap enough for a task to pull several in a row, each answered before the next is sent.
#[test]
fn a_sender_that_waits_for_the_answers_to_a_burst_gets_them() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let (sender, receiver) = mpsc::channel::<usize>();
            let (answers, answered) = mpsc::channel();
            let shared = receiver.into_iter().threadsafe();
            thread::scope(|scope| {
                scope.spawn(|| pool.install(|| shared.par_iter().for_each(|n| answers.send(n).unwrap())));
                for burst in (1..3000).step_by(13) {
                    for n in 0..burst {
                        sender.send(n).unwrap();
                    }
                    for _ in 0..burst {
                        answered.recv_timeout(Duration::from_secs(10)).unwrap();
                    }
                }
                drop(sender);
            });
        }
    });
}

/// A body that waits for what it has yielded to be processed, after many or few.
#[test]
fn a_body_that_blocks_holds_back_nothing_that_it_has_yielded() {
    /// Yields a run of items after the other, and waits after each.
    #[threadsafe_generator]
    fn runs(lengths: Vec<usize>, processed: Arc<Count>) -> impl Iterator<Item = usize> {
        let mut end = 0;
        for length in lengths {
            for n in end..end + length {
                yield_!(n);
            }
            end += length;
            processed.wait_for(end);
        }
    }

    limited(|| {
        for pool in pools(&[1, 2, 3, 8]) {
            let lengths = [5000, 1, 2, 3, 5000, 257, 255, 64, 63, 65, 1000, 16, 15, 17, 1].repeat(8);
            let end = lengths.iter().sum();
            let processed = Arc::new(Count::default());
            let shared = runs(lengths, Arc::clone(&processed));
            let used = Used::default();
            pool.install(|| {
                shared.par_iter().for_each(|n| {
                    used.add(n);
                    processed.add_one();
                });
            });
            used.assert_complete_with(&shared, end, "all runs");
        }
    });
}

/// A tree is walked through a channel: each node sends its children, and the last node to be dropped closes the
/// channel.
#[test]
fn a_consumer_that_feeds_its_own_channel_comes_to_an_end() {
    struct Node {
        depth: usize,
        sender: mpsc::Sender<Node>,
    }

    limited(|| {
        for pool in pools(&[1, 2, 4, 8]) {
            for (depth, children) in [(0_usize, 3_usize), (14, 2), (3000, 1), (4, 9)] {
                let (sender, receiver) = mpsc::channel();
                sender.send(Node { depth, sender: sender.clone() }).unwrap();
                drop(sender);
                let visit = |node: Node| {
                    if node.depth > 0 {
                        for _ in 0..children {
                            let child = Node { depth: node.depth - 1, sender: node.sender.clone() };
                            node.sender.send(child).unwrap();
                        }
                    }
                };
                let shared = receiver.into_iter().threadsafe();
                let count = pool.install(|| shared.into_par_iter().map(visit).count());
                let expected = (0..=depth).map(|level| children.pow(u32::try_from(level).unwrap())).sum::<usize>();
                assert_eq!(count, expected);
            }
        }
    });
}

/// Cheap items at once, then one every few milliseconds: none of these waits for the next.
#[test]
fn after_a_burst_each_item_is_processed_when_it_comes() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            in_one_of_several_tries(|| {
                let source = (0..4240_usize).map(|n| {
                    if n >= 4200 {
                        thread::sleep(Duration::from_millis(5));
                    }
                    Instant::now()
                });
                let shared = source.threadsafe();
                let waited = Mutex::new(Vec::new());
                pool.install(|| shared.par_iter().for_each(|pulled| waited.lock().unwrap().push(pulled.elapsed())));
                let mut waited = waited.into_inner().unwrap();
                waited.sort_unstable();
                let (most, all) = (waited[waited.len() * 9 / 10], waited[waited.len() - 1]);
                let at_once = most < Duration::from_millis(4) && all < Duration::from_millis(100);
                if at_once { Ok(()) } else { Err(format!("{most:?}, {all:?}")) }
            });
        }
    });
}

/// The second kind cannot be processed by fewer threads in the time.
#[test]
fn items_that_become_expensive_are_processed_by_all_threads() {
    limited(|| {
        let pool = pool(8);
        in_one_of_several_tries(|| {
            let shared = annotated(5200);
            let used = Used::default();
            let start = Instant::now();
            pool.install(|| {
                shared.par_iter().for_each(|n| {
                    if n >= 5000 {
                        thread::sleep(Duration::from_millis(10));
                    }
                    used.add(n);
                });
            });
            used.assert_complete_with(&shared, 5200, "cheap, then expensive");
            // 250 ms if all threads sleep at the same time, 2 seconds if one does it alone.
            let took = start.elapsed();
            if took < Duration::from_millis(600) { Ok(()) } else { Err(format!("{took:?}")) }
        });
    });
}

/// As many items as there are threads are processed at the same time, after any number of cheap ones.
#[test]
fn each_idle_thread_takes_an_item() {
    limited(|| {
        for threads in [2, 4] {
            let pool = pool(threads);
            for cheap in (0..40).chain((100..6000).step_by(97)) {
                // The threads meet, each with an item: if one thread had two of them, they would wait for ever.
                let barrier = Barrier::new(threads);
                let meet = |n| {
                    if n >= cheap {
                        barrier.wait();
                    }
                };
                pool.install(|| annotated(cheap + threads).into_par_iter().for_each(meet));
            }
        }
    });
}

/// Items that one task has taken are taken from it when it processes an expensive one.
#[test]
fn what_a_task_has_taken_is_left_to_idle_threads() {
    limited(|| {
        for threads in [2, 4] {
            let pool = pool(threads);
            for expensive in [0, 1, 100, 1000, 3000, 5000] {
                const END: usize = 8000;
                let shared = annotated(END);
                let processed = Count::default();
                pool.install(|| {
                    shared.par_iter().for_each(|n| {
                        if n == expensive {
                            // All others come before this one ends.
                            processed.wait_for(END - 1);
                        }
                        processed.add_one();
                    });
                });
                assert_eq!(processed.get(), END);
            }
        }
    });
}

/// A consumer that gives its thread to other jobs.
fn use_rayon(how: usize, other: &rayon::ThreadPool) {
    match how {
        0 => _ = rayon::yield_now(),
        1 => _ = rayon::join(|| hint::black_box(1), || hint::black_box(2)),
        2 => rayon::scope(|scope| scope.spawn(|_| _ = hint::black_box(3))),
        3 => _ = other.install(|| hint::black_box(4)),
        _ => (0..10).for_each(|_| _ = rayon::yield_now()),
    }
}

/// The tasks that such a consumer comes by are not lost to the other threads.
#[test]
fn a_consumer_that_uses_rayon_leaves_the_other_threads_at_work() {
    limited(|| {
        let other = pool(1);
        let four = pool(4);
        for how in 0..5 {
            for (making, before, after) in [(0, 0, 2), (0, 2, 0), (1, 0, 8), (1, 8, 0), (12, 0, 40)] {
                let [making, before, after] = [making, before, after].map(Duration::from_millis);
                let items = if making > Duration::from_millis(10) { 12 } else { 60 };
                in_one_of_several_tries(|| {
                    let shared = (0..items).inspect(|_| sleep(making)).threadsafe();
                    let start = Instant::now();
                    let busy = four.install(|| {
                        let process = |_| {
                            let start = Instant::now();
                            sleep(before);
                            use_rayon(how, &other);
                            sleep(after);
                            start.elapsed()
                        };
                        shared.par_iter().map(process).sum::<Duration>()
                    });
                    // The mean number of threads that process an item at a time: three of them if all goes well.
                    let threads = busy.as_secs_f64() / start.elapsed().as_secs_f64();
                    let message = || format!("{how}: {threads} threads, {making:?}, {before:?}, {after:?}");
                    if threads > 1.4 { Ok(()) } else { Err(message()) }
                });
            }
        }
    });
}

/// Lines of a socket, each answered before the next is sent.
#[test]
fn requests_on_a_socket_are_answered_one_by_one() {
    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let requests = BufReader::new(server.try_clone().unwrap()).lines().map(Result::unwrap).threadsafe();
            server.set_nodelay(true).unwrap();
            client.set_nodelay(true).unwrap();
            let answer = |line: String| (&server).write_all(format!("{line}!\n").as_bytes()).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| pool.install(|| requests.par_iter().for_each(answer)));
                let mut answers = BufReader::new(client.try_clone().unwrap()).lines();
                for n in 0..500 {
                    client.write_all(format!("{n}\n").as_bytes()).unwrap();
                    assert_eq!(answers.next().unwrap().unwrap(), format!("{n}!"));
                }
                client.shutdown(std::net::Shutdown::Both).unwrap();
            });
        }
    });
}

/// A connection is served while another one is, and while the listener waits for the next.
#[test]
fn connections_are_served_side_by_side() {
    limited(|| {
        for pool in pools(&[3, 8]) {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let connections = iter::from_fn(|| listener.accept().ok().map(|(stream, _)| stream)).threadsafe();
            let serve = |stream: TcpStream| {
                // Small messages are not to wait for an acknowledgement.
                stream.set_nodelay(true).unwrap();
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let line = line.unwrap();
                    if line == "close" {
                        connections.close();
                    }
                    writeln!(&stream, "{line}").unwrap();
                }
            };
            thread::scope(|scope| {
                scope.spawn(|| pool.install(|| connections.par_iter().for_each(serve)));
                let connect = || {
                    let stream = TcpStream::connect(address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                    stream
                };
                let echo = |stream: &TcpStream, line: &str| {
                    writeln!(&*stream, "{line}").unwrap();
                    let mut answer = String::new();
                    BufReader::new(stream).read_line(&mut answer).unwrap();
                    assert_eq!(answer.trim_end(), line);
                };
                for _ in 0..20 {
                    let (one, two) = (connect(), connect());
                    echo(&two, "two");
                    echo(&one, "one");
                    echo(&two, "two again");
                }
                echo(&connect(), "close");
                // The call that waits for a connection ends with it.
                drop(connect());
            });
        }
    });
}

/// CPU time of the calling thread.
#[cfg(target_os = "linux")]
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn waiting_for_a_source_that_sleeps_uses_no_cpu() {
    limited(|| {
        for pool in pools(&[1, 2, 8]) {
            in_one_of_several_tries(|| {
                let used = || pool.broadcast(|_| cpu_time()).into_iter().sum::<Duration>();
                let before = used();
                let shared = (0..4).inspect(|_| thread::sleep(Duration::from_millis(150))).threadsafe();
                assert_eq!(pool.install(|| shared.par_iter().count()), 4);
                let used = used().saturating_sub(before);
                let message = || format!("{used:?} on {} threads", pool.current_num_threads());
                if used < Duration::from_millis(30) { Ok(()) } else { Err(message()) }
            });
        }
    });
}

/// By reference, owned and boxed, with a channel that sends the more the more is processed.
#[test]
fn every_form_of_a_drive_takes_a_live_source() {
    /// A source whose next item is there when the one before has been processed.
    fn lockstep(end: usize, processed: Arc<Count>) -> impl Iterator<Item = usize> + Send {
        (0..end).inspect(move |n| processed.wait_for(*n))
    }

    limited(|| {
        for pool in pools(&[1, 2, 4]) {
            let count = || Arc::new(Count::default());
            let process = |processed: &Count, _: usize| _ = processed.add_one();
            for _ in 0..20 {
                let processed = count();
                let owned = lockstep(50, Arc::clone(&processed)).threadsafe();
                pool.install(|| owned.into_par_iter().for_each(|n| process(&processed, n)));
                assert_eq!(processed.get(), 50);

                let processed = count();
                let by_reference = lockstep(50, Arc::clone(&processed)).threadsafe();
                pool.install(|| (&by_reference).into_par_iter().for_each(|n| process(&processed, n)));
                assert_eq!((processed.get(), by_reference.is_finished()), (50, true));

                let processed = count();
                let boxed: Numbers = Box::new(lockstep(50, Arc::clone(&processed)));
                let boxed = ThreadsafeIter::new(boxed);
                pool.install(|| boxed.par_iter().for_each(|n| process(&processed, n)));
                assert_eq!(processed.get(), 50);

                let processed = count();
                let inner = Arc::clone(&processed);
                let generated = generator(async move |co| co.yield_from(lockstep(50, inner)).await).threadsafe();
                pool.install(|| generated.par_iter().for_each(|n| process(&processed, n)));
                assert_eq!(processed.get(), 50);
            }
        }
    });
}
