import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line tools one after another in one JVM, since a JVM start costs more than
 * most tools do. One invocation a line, fields separated by tabs: class name, standard input, and
 * each argument, all but the name in base64. One answer a line: exit code, standard output and
 * standard error, in base64.
 */
public final class ToolRunner {
    private static final class ExitCalled extends Error {
        final int code;

        ExitCalled(int code) {
            super("exit " + code, null, false, false);
            this.code = code;
        }
    }

    private static volatile int exitCode;
    private static volatile boolean exitCalled;
    // Several tools flush and close their client in a hook; here a tool's end is not the JVM's.
    private static final List<Runnable> shutdownHooks = new CopyOnWriteArrayList<>();

    public static void main(String[] unused) throws Exception {
        PrintStream answers = System.out;
        Exit.setExitProcedure(ToolRunner::exit);
        Exit.setHaltProcedure(ToolRunner::exit);
        Exit.setShutdownHookAdder((name, hook) -> shutdownHooks.add(hook));
        BufferedReader invocations = new BufferedReader(new InputStreamReader(System.in));
        for (String line = invocations.readLine(); line != null; line = invocations.readLine()) {
            answers.println(run(line.split("\t", -1)));
            answers.flush();
        }
    }

    // The first code counts: a tool that catches everything meets its own exit as an error.
    private static void exit(int code, String message) {
        if (!exitCalled) exitCode = code;
        exitCalled = true;
        throw new ExitCalled(code);
    }

    private static String run(String[] fields) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        String[] arguments =
            Arrays.stream(fields).skip(2).map(ToolRunner::decode).toArray(String[]::new);
        System.setIn(new ByteArrayInputStream(Base64.getDecoder().decode(fields[1])));
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        exitCode = 0;
        exitCalled = false;
        invoke(fields[0], arguments);
        shutdownHooks.forEach(Runnable::run);
        shutdownHooks.clear();
        System.out.flush();
        System.err.flush();
        return exitCode + "\t" + encode(out) + "\t" + encode(err);
    }

    private static void invoke(String className, String[] arguments) {
        // Scala tools write through their own console, which keeps the first stream it saw.
        Runnable tool = () -> {
            try {
                Class.forName(className).getMethod("main", String[].class)
                    .invoke(null, (Object) arguments);
            } catch (InvocationTargetException e) {
                fail(e.getCause());
            } catch (Throwable e) {
                fail(e);
            }
        };
        scala.Console.withOut(System.out, () -> {
            scala.Console.withErr(System.err, () -> {
                tool.run();
                return null;
            });
            return null;
        });
    }

    private static void fail(Throwable cause) {
        if (cause instanceof ExitCalled) return;
        if (!exitCalled) exitCode = 1;
        cause.printStackTrace(System.err);
    }

    private static String decode(String text) {
        return new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
    }

    private static String encode(ByteArrayOutputStream bytes) {
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }
}
